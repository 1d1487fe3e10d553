// Ctrl and Enter in the editor run what stands in it.
"use strict";

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const form = event.target.closest("form.asks");
  const button = form?.querySelector("button[data-run]");
  if (button && !button.disabled) {
    event.preventDefault();
    button.click();
  }
});
