// A slider over the steps of one run at which a prompt was sampled or, if that was once, over the run's steps; and over
// those of the checkpoints that have answered a question.

/** `update(set, row)` fits the slider to a row; moving it calls `go(row)` with that of another step. */
function stepSlider(place, go) {
  const slider = place.querySelector("input");
  let stops = [];

  slider.addEventListener("input", () => go(stops[slider.value]));
  return function update(set, row) {
    const run = set.rows.filter((one) => one.arm === row.arm && one.seed === row.seed && one.place === row.place);
    const same = run.filter((one) => one.question === row.question);
    const shown = [...(same.length > 1 ? same : run), row]; // the row last: it is the one of its step
    stops = [...new Map(shown.map((one) => [one.step, one])).values()].sort((one, other) => one.step - other.step);
    place.hidden = row.step === undefined || stops.length < 2;
    slider.max = stops.length - 1;
    slider.value = stops.indexOf(row);
    place.querySelector("output").textContent = row.step;
    place.querySelector(".cap").textContent =
      set.kind === "checkpoints"
        ? `this question was answered by the run's checkpoints at ${stops.length} steps`
        : same.length > 1
          ? `this prompt was sampled at ${stops.length} steps of the run`
          : "this prompt was sampled once in the run: the slider leads to others";
  };
}
