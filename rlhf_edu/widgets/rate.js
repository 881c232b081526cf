// How good is it? One text, and a button for each mark; or a slider, where the scale is too fine for buttons.

function render(page) {
  return asking(page, "Rate a text", (desk) => {
    const text = desk.textBox("Text");
    const marks = make("div", { class: "rlhf-marks", role: "group", "aria-label": "Marks" });
    const slider = make("input", { type: "range", class: "rlhf-slider", "aria-label": "Mark" });
    const ends = make("div", { class: "rlhf-ends" });
    const give = keyButton("", ["Enter"], () => rate(Number(slider.value), give), "rlhf-wide");
    const fine = make("div", { class: "rlhf-fine" }, slider, ends, make("div", { class: "rlhf-row" }, give));
    let byKey = {};
    slider.addEventListener("input", tell);

    function rate(value, button) {
      desk.answer(value, `Rated ${value}`, button);
    }

    function tell() {
      setText(give.querySelector(".rlhf-label"), `Give ${slider.value}`);
    }

    function mark({ value, words, key }) {
      const button = keyButton(String(value), key ? [key] : [], () => rate(value, button), "rlhf-mark");
      button.append(make("span", { class: "rlhf-anchor", text: words }));
      button.setAttribute("aria-label", `${value} ${words}`.trim());
      if (key) byKey[key] = () => rate(value, button);
      return button;
    }

    function show(item) {
      setText(text, shownText(item.texts[0]));
      byKey = {};
      if (marks.contains(document.activeElement)) desk.root.focus({ preventScroll: true });
      marks.replaceChildren(...item.marks.map(mark));
      marks.hidden = item.fine !== null;
      hide(desk.root, fine, item.fine === null);
      if (item.fine === null) return;
      const { low, high, step, start, words } = item.fine;
      Object.assign(slider, { min: low, max: high, step, value: start });
      ends.replaceChildren(...words.map(({ at, said }) => {
        const share = (at - low) / (high - low);
        const side = share < 0.15 ? "left" : share > 0.85 ? "right" : "middle";
        return make("span", { text: said, class: `rlhf-${side}`, style: `--at: ${share}` });
      }));
      const near = (mark, i) => i > 0 && mark.at - words[i - 1].at < (high - low) / 4;
      ends.classList.toggle("rlhf-crowded", words.some(near)); // then they stand in a line, not below their marks
      tell();
    }

    function key(key, event) {
      const fineScale = marks.hidden && !event.target.closest("button, summary");
      if (byKey[key]) byKey[key]();
      else if (fineScale && key === "Enter") rate(Number(slider.value), give);
      else if (fineScale && event.target !== slider && ["ArrowLeft", "ArrowRight"].includes(key)) {
        slider.focus(); // from here on the keys are its own, so that a held one goes on
        key === "ArrowLeft" ? slider.stepDown() : slider.stepUp();
        tell();
      } else return false;
      return true;
    }

    return { body: [make("article", { class: "rlhf-card" }, text), make("div", {}, marks, fine)], row: [], show, key };
  });
}

export default { render };
