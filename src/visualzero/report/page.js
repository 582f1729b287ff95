// The page is complete without this script; it adds what moves. Browsers from before 2024 are left with the page.

function start() {
  const arms = embedded("arms-data");
  const { quantities } = embedded("traces-data");
  const sets = embedded("samples-data");
  const choice = armChoice(document.querySelector(".arms"), arms);
  const together = document.querySelector(".compare");
  for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
  for (const part of document.querySelectorAll(".scriptless")) part.hidden = true;
  relateForests(choice);
  if (quantities.length) compareCurves(together, quantities, arms, choice);
  else together.hidden = true;
  if (sets.length) browse(document.querySelector(".explore"), sets, arms, choice);
  choice.open(addressState());

  watchReach(document.querySelectorAll(".wide, pre"));
}

if ("groupBy" in Map) start();
