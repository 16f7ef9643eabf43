"""What the messages of libedgetpu and of TFLite interpreters mean, and what helps.

Sources: issues of google-coral/edgetpu (44, 359, 645, 812), feranick/TFlite-builds (6), blakeblackshear/frigate (695),
raspberrypi/linux (6126), libedgetpu's own texts.
"""

from __future__ import annotations

import re

from edgetrain.edgetpu.device.pcie import diagnosis

_RELEASES = "https://github.com/feranick/libedgetpu/releases"
_MEANINGS = (
    (
        r"requires runtime version \((\d+)\), which is newer than this runtime version \((\d+)\)",
        (
            "The model needs a newer libedgetpu: update libedgetpu1-std (or -max), or compile again with "
            '"ci/inv compile --min-runtime-version {2}".'
        ),
    ),
    (
        r"unresolved custom op: edgetpu-custom-op|Didn't find custom op for name 'edgetpu-custom-op'",
        (
            "The delegate did not take the model, so this is a compiled model on an interpreter without Edge TPU. "
            'See what "ci/inv doctor --profile device" says of {library}.'
        ),
    ),
    (
        r"Failed to load delegate|cannot open shared object file|Could not load dynamic library",
        (
            "Either {library} is not installed, the device is in use by another process or may not be opened by this "
            "user (groups plugdev and apex), or the library does not fit the interpreter. "
            '"ci/inv doctor --profile device" tells which.'
        ),
    ),
    (
        r"Unsupported data type in custom op handler",
        "libedgetpu is older than the interpreter: install one that is built for it ({releases}).",
    ),
    (
        r"transfer in failed|HandleQueuedBulkIn|USB transfer error|LIBUSB_ERROR|device.*disconnected",
        (
            "The USB device went away: another process took it, it was unplugged, or power or cable are bad. It "
            "draws up to 900 mA: use a USB 3 port of the machine itself or a hub with its own supply, and the "
            "short cable that came with it; libedgetpu1-std draws less than libedgetpu1-max."
        ),
    ),
    (
        r"^SIGILL$|[Ii]llegal instruction",
        (
            "Illegal instruction: the interpreter's wheel was built for a newer processor than this one (x86-64 "
            "without AVX, an older ARM), or the PCIe driver gasket is too old for this kernel. Install a wheel "
            'for this processor, and see what "ci/inv doctor --profile device" says of the driver.'
        ),
    ),
    (
        r"HIB [Ee]rror|hib_error_status|hib_first_error",
        (
            "The PCIe device could not reach the memory that it was given (its host interface reports an error). "
            "On a Raspberry Pi 5: pages of 4 KiB (kernel=kernel8.img) and dtoverlay=pcie-32bit-dma-pi5 in "
            "config.txt; elsewhere a driver gasket that does not fit the kernel, or a loose card. {pcie}"
        ),
    ),
    (
        r"compiled using NumPy 1|_ARRAY_API not found|numpy\.core\.multiarray failed to import",
        (
            "The interpreter was built for NumPy 1, and NumPy 2 is installed: install numpy<2 in this "
            "environment, as the profile device does."
        ),
    ),
    (
        r"undefined symbol|GLIBC(?:XX)?_[\d.]+.? not found|wrong ELF class|invalid ELF header",
        (
            "{library} was built for another system or another interpreter: another processor, an older libc, another "
            "TensorFlow. Install a pair that fits ({releases})."
        ),
    ),
    (
        r"^SIG(?:SEGV|BUS|ABRT)$",
        (
            "The usual cause is a libedgetpu that was built for another TensorFlow than the interpreter: stock "
            "libedgetpu 16.0 crashes with tflite-runtime 2.12 and later. Install a pair that fits, such as "
            "tflite_runtime 2.17.1 with libedgetpu 16.0tf2.17.1 ({releases})."
        ),
    ),
    (
        r"^SIGKILL$",
        "The system ended it, most likely for want of memory.",
    ),
    (
        r"No module named 'tensorflow'",
        'No TFLite interpreter is installed: "ci/inv --profile device ci.coral" fetches the one that fits libedgetpu.',
    ),
    (
        r"pycoral is not installed",
        'The package "pycoral" of PyPI is another project; see docs/coral.md, or use hardware.api delegate.',
    ),
)


def explain(text: str, library: str) -> str:
    """Return a library's message, or the name of a signal, with its meaning and what helps.

    Args:
        text: the message; the name of a signal is not repeated.
        library: file of libedgetpu that was asked for.
    """
    shown = "" if text.startswith("SIG") else f"{' '.join(text.split()).rstrip('.')}. "
    for pattern, meaning in _MEANINGS:
        found = re.search(pattern, text)
        if found:
            groups = ["", *found.groups(), "", ""]
            pcie = " ".join(diagnosis()) if "{pcie}" in meaning else ""
            return (shown + meaning.format(*groups, library=library, releases=_RELEASES, pcie=pcie)).rstrip()
    return f'{shown}No cause is known; "ci/inv doctor --profile device" shows what may be wrong.'
