"""Music on a page: what was written above what it learned from, as piano rolls, and a button that plays each.

The browser makes the sound itself (Web Audio) from numbers in the page; nothing is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.core.translate import Language, tr
from tidegate.prepare.notes import Chords, sounding
from tidegate.report.page.markup import Markup, el, join, shape
from tidegate.report.svg.axis import px
from tidegate.report.svg.heat import drawing

WIDTH, LEFT, ROW = 760.0, 44.0, 5.0
MOST = 128  # steps that are drawn
NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")

SCRIPT = """
(function () {
  var playing = null;
  function stop() { if (playing) { playing.audio.close(); playing.button.setAttribute("aria-pressed", "false"); playing = null; } }
  document.querySelectorAll("button.play").forEach(function (button) {
    button.addEventListener("click", function () {
      var same = playing && playing.button === button;
      stop();
      if (same) return;
      var audio = new AudioContext(), loud = audio.createGain(), begin = audio.currentTime + 0.1, last = 0;
      loud.gain.value = 0.12;
      loud.connect(audio.destination);
      button.dataset.notes.split(" ").forEach(function (note) {
        var part = note.split(",").map(Number), tone = audio.createOscillator(), level = audio.createGain();
        var from = begin + part[1], to = from + part[2];
        tone.type = "triangle";
        tone.frequency.value = 440 * Math.pow(2, (part[0] - 69) / 12);
        level.gain.setValueAtTime(0, from);
        level.gain.linearRampToValueAtTime(1, from + 0.02);
        level.gain.setValueAtTime(0.8, Math.max(from + 0.02, to - 0.06));
        level.gain.linearRampToValueAtTime(0, to);
        tone.connect(level); level.connect(loud);
        tone.start(from); tone.stop(to + 0.02);
        last = Math.max(last, to);
      });
      playing = { audio: audio, button: button };
      button.setAttribute("aria-pressed", "true");
      setTimeout(function () { if (playing && playing.audio === audio) stop(); }, (last - audio.currentTime + 0.2) * 1000);
    });
  });
})();
"""  # noqa: E501


def pitch_name(pitch: int) -> str:
    """C4 for 60."""
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def rolls(pieces: Sequence[tuple[str, Chords]], rate: float, lang: Language) -> Markup:
    """Piano rolls on one scale of pitches, each below its name and its button.

    Args:
        pieces: name and steps of each. rate: steps a second.
    """
    pitches = [pitch for _, chords in pieces for chord in chords[:MOST] for pitch in chord] or [60]
    low, high = min(pitches), max(pitches)
    steps = max(max((len(chords[:MOST]) for _, chords in pieces), default=1), 1)
    parts = []
    for name, chords in pieces:
        notes = sounding(chords[:MOST])
        data = " ".join(f"{pitch},{first / rate:.3f},{count / rate:.3f}" for pitch, first, count in notes)
        button = el("button", tr("Play", lang), type="button", class_="play", data_notes=data, aria_pressed="false")
        head = el("p", el("strong", name), " ", button if notes else None)
        parts.append(join(head, _roll(notes, low, high, steps, name)))
    return join(*parts)


def _roll(notes: Sequence[tuple[int, int, int]], low: int, high: int, steps: int, name: str) -> Markup:
    height = (high - low + 1) * ROW
    wide = (WIDTH - LEFT) / steps
    parts = []
    for pitch in range(low, high + 1):
        if pitch % 12 == 0:
            y = (high - pitch + 0.5) * ROW
            parts.append(shape("path", d=f"M{px(LEFT)} {px(y)}H{px(WIDTH)}", class_="grid"))
            parts.append(shape("text", pitch_name(pitch), x=px(LEFT - 6), y=px(y + 4), text_anchor="end"))
    cells = []
    for pitch, first, count in notes:
        title = shape("title", f"{pitch_name(pitch)}: {first + 1} - {first + count}")
        place = {"x": px(LEFT + first * wide), "y": px((high - pitch) * ROW), "height": px(ROW - 1)}
        cells.append(shape("rect", title, class_="more", width=px(max(count * wide - 1, 1)), **place))
    return drawing([*parts, shape("g", *cells, class_="heat")], name, WIDTH, height + 2)
