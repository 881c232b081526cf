// Which of the two clips is better? Two films that play, stop and are wound in step.

const CHOICES = [
  { value: "left", label: "Left is better", keys: ["←", "f", "1"], said: "Left chosen" },
  { value: "right", label: "Right is better", keys: ["→", "j", "2"], said: "Right chosen" },
  { value: "tie", label: "Tie", keys: ["t"], said: "Tie" },
  { value: "both_bad", label: "Both are bad", keys: ["b"], said: "Both bad" },
];
const KEYS = { ArrowLeft: 0, f: 0, 1: 0, ArrowRight: 1, j: 1, 2: 1, t: 2, b: 3 };
const REST_SECONDS = 0.8; // the last pictures stay so long before all begins again

function render(page) {
  return asking(page, "Compare two clips", (desk) => {
    let films = [];
    let sheets = [];
    let at = 0; // the picture shown, counted from 0
    let playing = false;
    let began = 0;
    let request = 0;

    const buttons = CHOICES.map((choice, i) => keyButton(choice.label, choice.keys, () => choose(i), i > 1 ? "rlhf-wide" : ""));
    const canvases = ["Left", "Right"].map((side) => make("canvas", { class: "rlhf-film", role: "img", "aria-label": side }));
    const ends = canvases.map(() => make("p", { class: "rlhf-end" }));
    const cards = canvases.map((canvas, i) => make("article", { class: "rlhf-card" }, canvas, ends[i], buttons[i]));
    const playButton = keyButton("Play", ["Space"], toggle);
    const back = keyButton("Back", [","], () => wind(at - 1), "rlhf-quiet");
    const on = keyButton("On", ["."], () => wind(at + 1), "rlhf-quiet");
    const scrubber = make("input", { type: "range", class: "rlhf-slider", min: "0", step: "1", "aria-label": "Picture" });
    scrubber.addEventListener("input", () => wind(Number(scrubber.value)));
    const clock = make("span", { class: "rlhf-says" });
    const controls = make("div", { class: "rlhf-row rlhf-wind" }, playButton, back, on, scrubber, clock);

    function choose(i) {
      desk.answer(CHOICES[i].value, CHOICES[i].said, buttons[i]);
    }

    function pictures() {
      return Math.max(...films.map((film) => film.n));
    }

    function draw() {
      films.forEach((film, i) => {
        const k = Math.min(at, film.n - 1);
        const x = (k % film.columns) * film.width;
        const y = Math.floor(k / film.columns) * film.height;
        const pen = canvases[i].getContext("2d");
        if (sheets[i]?.complete) pen.drawImage(sheets[i], x, y, film.width, film.height, 0, 0, film.width, film.height);
        setText(ends[i], at >= film.n ? `Over after ${film.n} of ${pictures()}` : "");
      });
      scrubber.value = at;
      scrubber.setAttribute("aria-valuetext", `${at + 1} of ${pictures()}`);
      setText(clock, `${at + 1} / ${pictures()}`);
    }

    function set(moving) {
      playing = moving;
      cancelAnimationFrame(request);
      setText(playButton.querySelector(".rlhf-label"), playing ? "Pause" : "Play");
      if (playing) {
        began = performance.now() - (1000 * at) / films[0].fps;
        request = requestAnimationFrame(tick);
      }
    }

    function tick(now) {
      const seconds = Math.max(0, now - began) / 1000;
      const length = pictures() / films[0].fps;
      if (seconds > length + REST_SECONDS) began = now;
      const next = Math.min(pictures() - 1, Math.floor(seconds * films[0].fps));
      if (next !== at) {
        at = next;
        draw();
      }
      if (playing) request = requestAnimationFrame(tick);
    }

    function toggle() {
      if (!films.length) return;
      if (!playing && at === pictures() - 1) at = 0;
      set(!playing);
      draw();
    }

    function wind(k) {
      set(false);
      at = Math.max(0, Math.min(pictures() - 1, k));
      draw();
    }

    function show(item) {
      sheets.forEach((sheet) => URL.revokeObjectURL(sheet.src));
      films = item.films;
      at = 0;
      scrubber.max = pictures() - 1;
      sheets = films.map((film, i) => {
        canvases[i].width = film.width;
        canvases[i].height = film.height;
        canvases[i].setAttribute("aria-label", `${i ? "Right" : "Left"}: ${film.alt}`);
        const image = new Image();
        image.onload = () => image === sheets[i] && draw();
        image.src = URL.createObjectURL(new Blob([film.data], { type: "image/webp" }));
        return image;
      });
      if (desk.root.contains(document.activeElement)) desk.root.focus({ preventScroll: true }); // so that space plays
      draw();
      set(!window.matchMedia("(prefers-reduced-motion: reduce)").matches);
    }

    return {
      body: [make("div", { class: "rlhf-cards" }, ...cards), controls],
      row: buttons.slice(2),
      show,
      gone() {
        set(false);
        sheets.forEach((sheet) => URL.revokeObjectURL(sheet.src));
      },
      key(key, event) {
        if (event.target === scrubber && /^(Arrow|Home|End|Page)/.test(key)) return false; // it winds by itself
        if (key === " ") {
          if (event.target.closest("button, summary")) return false; // space presses what Tab has chosen
          toggle();
        } else if (key === "," || key === ".") wind(at + (key === "," ? -1 : 1));
        else if (key in KEYS) choose(KEYS[key]);
        else return false;
        return true;
      },
    };
  });
}

export default { render };
