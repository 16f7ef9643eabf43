"use strict";
(function () {
  const find = (id) => document.getElementById(id);
  const choice = find("class");
  if (choice) {
    const slider = find("slider"), place = find("unit").dataset.place.split(" ").map(Number);
    const numbers = (text) => text.split(" ").map(Number);
    const percent = (part, whole) => (whole ? (100 * part / whole).toFixed(0) + " %" : "unknown");
    const show = () => {
      const one = choice.selectedOptions[0].dataset, step = Number(slider.value);
      const boxes = Number(one.boxes), right = numbers(one.right)[step], wrong = numbers(one.wrong)[step];
      const found = right + wrong, f1 = 2 * right / Math.max(1, found + boxes);
      find("value").textContent = (step / 100).toFixed(2);
      slider.setAttribute("aria-valuetext", "threshold " + (step / 100).toFixed(2));
      find("counts").textContent = "Of " + boxes + " labelled objects " + right + " are found and " + (boxes - right) +
        " missed; " + wrong + " detections are wrong. Precision " + percent(right, found) + ", recall " +
        percent(right, boxes) + ", F1 " + f1.toFixed(3) + ".";
      const x = (share) => place[0] + share * place[1], y = (share) => place[2] - share * place[3];
      for (const line of document.querySelectorAll("#unit line.mark")) {
        line.setAttribute("x1", x(step / 100));
        line.setAttribute("x2", x(step / 100));
      }
      const dot = document.querySelector("#unit circle.mark");
      dot.setAttribute("cx", x(boxes ? right / boxes : 0));
      dot.setAttribute("cy", y(found ? right / found : 1));
    };
    const choose = () => {
      for (const line of document.querySelectorAll("#unit polyline")) {
        const chosen = line.classList.contains("c" + choice.value);
        line.classList.toggle("chosen", chosen);
        if (chosen) { line.parentNode.insertBefore(line, line.parentNode.querySelector(".mark")); }
      }
      slider.value = Math.round(100 * Number(choice.selectedOptions[0].dataset.threshold));
      show();
    };
    choice.addEventListener("change", choose);
    slider.addEventListener("input", show);
    document.querySelector(".dial").hidden = false;
    choose();
  }
  const hidden = find("pictures"), dialog = find("cell");
  if (!dialog) { return; }
  const picture = (number) => {
    const name = "[data-picture='" + number + "']";
    const one = document.querySelector("details " + name) || hidden.content.querySelector(name);
    return one ? one.cloneNode(true) : null;
  };
  for (const list of document.querySelectorAll("details.mistake")) {
    const fill = () => {
      for (const gap of list.querySelectorAll("[data-copy]")) {
        const one = picture(gap.dataset.copy);
        if (one) { gap.replaceWith(one); }
      }
    };
    list.addEventListener("toggle", fill);
    if (list.open) { fill(); }
  }
  for (const button of document.querySelectorAll(".confusion button")) {
    button.addEventListener("click", () => {
      const data = button.dataset, named = JSON.parse(data.named);
      find("cell-title").textContent = data.title;
      find("cell-pictures").replaceChildren(...data.numbers.split(" ").map(picture).filter(Boolean));
      const rest = Number(data.rest) ? " and " + data.rest + " more" : "";
      find("cell-more").textContent = named.length || rest ? "More: " + named.join(", ") + rest : "";
      dialog.showModal();
    });
  }
})();
