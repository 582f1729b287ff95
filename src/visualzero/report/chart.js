// A chart of one quantity over the steps of training, all arms on its axes.

const WIDE = 1000;
const HIGH = 300;
const BANDS = 6; // with more arms than this, the band of an arm is drawn when the arm is pointed at

/** A chart: `draw(arms, reference)`, `point(step)`, `light(arm)` and, of an arm at a step, `at(arm, step)`. */
function chart(quantity, arms, first, last) {
  const lines = drawn("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img" });
  const axes = drawn("svg", { class: "ticks", "aria-hidden": "true" });
  const cursor = drawn("line", { class: "cursor", y1: 0, y2: HIGH });
  const plot = element("div", { class: "plot" }, lines, axes);
  const title = element("figcaption");
  const figure = element("figure", {}, title, plot);
  const across = (step) => ((step - first) / (last - first || 1)) * WIDE;
  let shown = {};

  function draw(names, reference) {
    const base = reference ? quantity.arms[reference] : null;
    shown = {};
    for (const name of names) {
      const trace = quantity.arms[name];
      if (trace && trace.steps.length) shown[name] = base ? relative(trace, base) : trace;
    }
    figure.hidden = Object.keys(shown).length === 0;
    figure.classList.toggle("crowded", Object.keys(shown).length > BANDS);
    title.textContent = quantity.title;
    if (reference) title.append(base ? `, less that of ${arms[reference].title}` : " (the reference has none)");
    const [low, high] = range(Object.values(shown));
    const down = (value) => HIGH - Math.min(Math.max((value - low) / (high - low), 0), 1) * HIGH;
    const path = (xs, ys) => xs.map((step, i) => `${across(step).toFixed(1)},${down(ys[i]).toFixed(1)}`).join(" ");
    const ends = Object.keys(shown).map((name) => `${arms[name].title} ends at ${short(shown[name].mean.at(-1))}`);
    lines.setAttribute("aria-label", `${title.textContent}: ${ends.join(", ")}`);
    const ticks = niceTicks(low, high, 3);
    const grid = ticks.map((at) =>
      drawn("line", { x1: 0, x2: WIDE, y1: down(at), y2: down(at), class: at === 0 && base ? "zero" : null }),
    );
    const ofArms = Object.entries(shown).flatMap(([name, trace]) => arm(name, trace, path));
    lines.replaceChildren(drawn("g", { class: "grid" }, ...grid), ...ofArms, cursor);
    const left = (at) => ({ class: "y", x: 0, dx: -7, y: `${(down(at) / HIGH) * 100}%`, dy: 4 });
    const below = (at) => ({ class: "x", x: `${(across(at) / WIDE) * 100}%`, y: "100%", dy: 16 });
    axes.replaceChildren(
      ...ticks.map((at) => drawn("text", left(at), base ? signed(at) : short(at))),
      ...niceTicks(first, last, 3).map((at) => drawn("text", below(at), short(at))),
    );
  }

  function arm(name, trace, path) {
    const { color, dash } = arms[name];
    const line = { class: `mean c${color} d${dash}`, points: path(trace.steps, trace.mean), "data-of": name };
    if (!trace.low) return [drawn("polyline", line)];
    const back = path([...trace.steps].reverse(), [...trace.low].reverse());
    const band = { class: `band c${color}`, points: `${path(trace.steps, trace.high)} ${back}`, "data-of": name };
    return [drawn("polygon", band), drawn("polyline", line)];
  }

  const point = (step) => pointAt(cursor, across(step) / WIDE);

  function light(arm) {
    for (const line of lines.querySelectorAll("[data-of]")) {
      line.classList.toggle("faded", arm !== null && line.dataset.of !== arm);
      line.classList.toggle("lit", line.dataset.of === arm);
    }
  }

  const at = (arm, step) => valueAt(shown[arm], step);
  return { figure, plot, first, last, draw, point, light, title: quantity.title, at };
}

/** Moves a cursor to a share of the chart's width; at the end, where values are shown at first, it isn't drawn. */
function pointAt(cursor, share) {
  cursor.setAttribute("visibility", share >= 0 && share < 1 ? "visible" : "hidden");
  for (const end of ["x1", "x2"]) cursor.setAttribute(end, share * WIDE);
}

/** Lowest and highest value, and 0 among them. */
function range(traces) {
  const values = traces.flatMap((trace) => [...trace.mean, ...(trace.low ?? []), ...(trace.high ?? [])]);
  const low = values.reduce((one, other) => Math.min(one, other), 0);
  const high = values.reduce((one, other) => Math.max(one, other), 0);
  return high > low ? [low, high] : [low, low + 1];
}

/** A trace less the mean of another at each step, taken as straight between the other's steps. */
function relative(trace, base) {
  const less = (values) => values?.map((value, i) => value - between(base, trace.steps[i]));
  return { steps: trace.steps, mean: less(trace.mean), low: less(trace.low), high: less(trace.high) };
}

function between(trace, step) {
  const after = trace.steps.findIndex((at) => at >= step);
  if (after <= 0) return after < 0 ? trace.mean.at(-1) : trace.mean[0];
  const [from, to] = [trace.steps[after - 1], trace.steps[after]];
  return trace.mean[after - 1] + ((step - from) / (to - from)) * (trace.mean[after] - trace.mean[after - 1]);
}

/** Mean and interval at the step of the trace that is nearest. */
function valueAt(trace, step) {
  if (!trace) return null;
  let at = trace.steps.findIndex((one) => one >= step);
  if (at < 0) at = trace.steps.length - 1;
  if (at > 0 && step - trace.steps[at - 1] < trace.steps[at] - step) at -= 1;
  return { mean: trace.mean[at], low: trace.low?.[at], high: trace.high?.[at] };
}
