// Accuracy by arm: each value as a difference from that of the arm of reference, which is drawn through all rows.

function relateForests(choice) {
  const figures = [...document.querySelectorAll(".forest")];
  choice.onChange(() => figures.forEach((figure) => relateForest(figure, choice.reference)));
}

function relateForest(figure, reference) {
  const rows = [...figure.querySelectorAll(".row[data-value]")];
  const base = rows.find((row) => row.dataset.arm === reference);
  for (const line of figure.querySelectorAll(".from")) line.remove();
  for (const row of rows) {
    const value = row.querySelector(".val");
    const difference = base ? Number(row.dataset.value) - Number(base.dataset.value) : 0;
    value.textContent = !base
      ? row.dataset.value
      : row === base
        ? `=\u00a0${row.dataset.value}`
        : signed(difference, (one) => one.toFixed(1).replace("-", MINUS));
    if (base) {
      const at = `${base.dataset.at}%`;
      row.querySelector("svg").prepend(drawn("line", { class: "from", x1: at, x2: at, y1: 0, y2: "100%" }));
    }
  }
}
