"""The verdict in words: is the model good enough, does it map, how fast is it, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edgetrain.core.wording import count_text, counted, finite_number
from edgetrain.core.workspace.stage_reports import Records, as_list, as_object, as_text, value_of
from edgetrain.edgetpu.compiler.provenance import STAND_IN

Answer = tuple[str, str]  # question and sentence
_GOOD_RECALL, _NOTABLE_LOSS = 0.95, 0.02
_MOST_STEPS = 4
_ADVICE = {
    "missed": "label more pictures with objects like those that are missed, or train longer (training.steps)",
    "invented": "add pictures without objects that look like these, as negatives",
    "misplaced": "check that the labelled boxes are tight, and train longer (training.steps)",
    "wrong class": "label more pictures of both classes, and check that their labels are right",
    "double": "raise the threshold with the slider below, and look whether objects that touch have a box each",
}


def answers_of(records: Records) -> list[Answer]:
    """Return questions with answers; nothing where no model was judged."""
    if "evaluate" not in records or not _classes(records):
        return []
    answers = [("Good enough?", _good_enough(records)), ("Edge TPU?", _mapped(records)), ("How fast?", _fast(records))]
    steps = list(_next_steps(records))[:_MOST_STEPS]
    return [*answers, *(("What next?" if number == 0 else "", step) for number, step in enumerate(steps))]


def _classes(records: Records) -> dict[str, Mapping[str, object]]:
    chosen = as_object(as_object(value_of(records, "evaluate", "thresholds")).get("classes"))
    return {name: as_object(as_object(one).get("judged")) for name, one in chosen.items()}


def _sum(classes: Mapping[str, Mapping[str, object]], key: str) -> int:
    return int(sum(finite_number(one.get(key)) or 0 for one in classes.values()))


def _good_enough(records: Records) -> str:
    classes = _classes(records)
    boxes, right, wrong = (_sum(classes, key) for key in ("boxes", "right", "wrong"))
    text = f"At the thresholds below it finds {right:,} of {counted(boxes, 'labelled object')} "
    text += f"({_percent(right, boxes)}); "
    text += f"{wrong:,} of its {counted(right + wrong, 'detection')} are wrong ({_percent(wrong, right + wrong)}). "
    limit = finite_number(as_object(records["evaluate"].settings.get("evaluate")).get("min_ap50"))
    if as_list(value_of(records, "evaluate", "missed_limits")):
        return f"No: it misses your limits. {text}"
    if limit is not None:
        return f"Yes by your limit (evaluate.min_ap50 {limit:g}). {text}"
    return f"{text}No limit is set (evaluate.min_ap50): whether that is enough, your use decides."


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "none"


def _mapped(records: Records) -> str:
    if "compile" in records and records["compile"].fingerprint:
        log = as_object(value_of(records, "compile", "log"))
        text = f"{count_text(log.get('on_tpu'))} operators on the Edge TPU, {count_text(log.get('on_cpu'))} on the CPU"
        if value_of(records, "compile", "provenance") == STAND_IN:
            return f"Unproven: a stand-in played the compiler ({text})."
        return f"Compiled: {text}."
    if "preflight" in records:
        mapped, whole = (count_text(value_of(records, "preflight", key)) for key in ("mapped", "operators"))
        return f"Predicted: {mapped} of {whole} operators run on it. Not compiled yet: ci/inv compile."
    return "Unknown: neither predicted (ci/inv preflight) nor compiled (ci/inv compile)."


def _fast(records: Records) -> str:
    latency = as_object(value_of(records, "hardware", "latency"))
    median = finite_number(latency.get("p50_ms"))
    if median is None:
        return "Not measured: ci/inv hardware does that on a machine with a Coral."
    if value_of(records, "hardware", "is_rehearsal") is True:
        return f"Unproven: {median:.1f} ms a picture on a CPU, in a rehearsal."
    return f"{median:.1f} ms a picture (median) on {as_text(value_of(records, 'hardware', 'device'))}."


def _next_steps(records: Records) -> Iterator[str]:
    mistakes = as_object(value_of(records, "evaluate", "mistakes"))
    faults = int(finite_number(as_object(mistakes.get("label_faults")).get("count")) or 0)
    if faults:
        text = "a wrong label teaches and judges wrongly"
        yield f"Look first at {counted(faults, 'picture')} with a likely label fault (below): {text}."
    yield from _least_found(records)
    yield from _commonest(mistakes)
    yield from _confused(mistakes)
    int8, float32 = (
        finite_number(as_object(as_object(value_of(records, "evaluate", "results")).get(model)).get("ap50"))
        for model in ("int8", "float32")
    )
    if int8 is not None and float32 is not None and float32 - int8 > _NOTABLE_LOSS:
        yield f"Quantization costs {float32 - int8:.3f} AP50: docs/quantization.md says what helps."


def _least_found(records: Records) -> Iterator[str]:
    """Yield which class is found least, and how many labels it has to learn from."""
    recalls = {
        name: value
        for name, one in _classes(records).items()
        if (value := finite_number(one.get("recall"))) is not None
    }
    worst = min(sorted(recalls), key=lambda name: recalls[name], default="")
    if not worst or recalls[worst] >= _GOOD_RECALL:
        return
    judged = _classes(records)[worst]
    text = f"“{worst}” is found least: {count_text(judged.get('right'))} of {count_text(judged.get('boxes'))}. "
    training = as_object(as_object(as_object(value_of(records, "split", "splits")).get("train")).get("classes"))
    boxes = finite_number(training.get(worst))
    many = f", as many again as the {boxes:,.0f} boxes in training" if boxes else ""
    yield f"{text}Label more of it{many}."


def _commonest(mistakes: Mapping[str, object]) -> Iterator[str]:
    counts = {
        name: int(finite_number(as_object(one).get("count")) or 0)
        for name, one in as_object(mistakes.get("kinds")).items()
    }
    whole = sum(counts.values())
    kind = max(sorted(counts), key=lambda name: counts[name], default="")
    if whole and kind in _ADVICE:
        yield f"Of {counted(whole, 'mistake')} {counts[kind]} are of the kind “{kind}”: {_ADVICE[kind]}."


def _confused(mistakes: Mapping[str, object]) -> Iterator[str]:
    names = [as_text(name) for name in as_list(mistakes.get("names"))]
    classes = len(names) - 1
    best = (1, "", "")  # a single one may be chance
    for name, row in zip(names[:classes], as_list(mistakes.get("confusion"))):
        for other, count in zip(names[:classes], as_list(row)):
            number = int(finite_number(count) or 0)
            if name != other and number > best[0]:
                best = (number, name, other)
    if best[1]:
        yield f"“{best[1]}” is taken for “{best[2]}” {best[0]} times: check these labels, then label more of both."
