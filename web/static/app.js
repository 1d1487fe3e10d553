// Says so when the live parts of a page no longer come, and stops saying so when they do. Where the session is over the
// page is loaded anew, which leads to the login.
"use strict";

(() => {
  const say = (lost) => {
    const banner = document.getElementById("lost");
    if (banner) banner.hidden = !lost;
  };
  document.addEventListener("htmx:error", () => say(true));
  document.addEventListener("htmx:after:request", (event) => {
    const { status } = event.detail.ctx.response;
    if (status === 401) location.reload();
    else say(status >= 400);
  });
})();
