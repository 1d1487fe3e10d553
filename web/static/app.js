// Says so when the live parts of a page no longer come, and stops saying so when they do.
"use strict";

(() => {
  const say = (lost) => {
    const banner = document.getElementById("lost");
    if (banner) banner.hidden = !lost;
  };
  document.addEventListener("htmx:error", () => say(true));
  document.addEventListener("htmx:after:request", (event) => say(event.detail.ctx.response.status >= 400));
})();
