// The page is complete without this script; it adds what moves.

const arms = embedded("arms-data");
const { quantities } = embedded("traces-data");
const sets = embedded("samples-data");
const choice = armChoice(document.querySelector(".arms"), arms);

for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
for (const part of document.querySelectorAll(".scriptless")) part.hidden = true;
relateForests(choice);
const together = document.querySelector(".compare");
if (quantities.length) compareCurves(together, quantities, arms, choice);
else together.hidden = true;
if (sets.length) browse(document.querySelector(".explore"), sets, arms, choice);
choice.start();
