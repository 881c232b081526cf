// Which of the two is better?

const CHOICES = [
  { value: "left", label: "Left is better", keys: ["←", "f", "1"], said: "Left chosen" },
  { value: "right", label: "Right is better", keys: ["→", "j", "2"], said: "Right chosen" },
  { value: "tie", label: "Tie", keys: ["t"], said: "Tie" },
  { value: "both_bad", label: "Both are bad", keys: ["b"], said: "Both bad" },
];
const KEYS = { ArrowLeft: 0, f: 0, 1: 0, ArrowRight: 1, j: 1, 2: 1, t: 2, b: 3 };

function render(page) {
  return asking(page, "Compare two texts", (desk) => {
    const buttons = CHOICES.map((choice, i) => keyButton(choice.label, choice.keys, () => choose(i), i > 1 ? "rlhf-wide" : ""));
    const texts = ["Left text", "Right text"].map(desk.textBox);
    const cards = texts.map((text, i) => make("article", { class: "rlhf-card" }, text, buttons[i]));

    function choose(i) {
      desk.answer(CHOICES[i].value, CHOICES[i].said, buttons[i]);
    }

    return {
      body: [make("div", { class: "rlhf-cards" }, ...cards)],
      row: buttons.slice(2),
      show: (item) => texts.forEach((node, i) => setText(node, shownText(item.texts[i].trimStart()))),
      key(key) {
        if (!(key in KEYS)) return false;
        choose(KEYS[key]);
        return true;
      },
    };
  });
}

export default { render };
