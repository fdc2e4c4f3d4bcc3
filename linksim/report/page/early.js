"use strict";
// Runs before the first paint: shows what needs scripts, and the theme that the reader chose before.
document.documentElement.classList.add("scripted");
try {
  const chosen = localStorage.getItem("linksim-theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch (error) {
  // Storage may be closed to files; the system's theme holds then.
}
