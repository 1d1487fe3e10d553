// What pages have only with a script: theme, time zone, keys, copying, and a word when the live parts no longer come.
// Where the session is over the page is loaded anew, which leads to the login.
"use strict";

(() => {
  const root = document.documentElement;
  const remember = (name, value) => {
    document.cookie = `sluicegate-${name}=${value}; path=/; max-age=31536000; samesite=lax`;
  };
  const remembered = (name) => document.cookie.split("; ").find((pair) => pair.startsWith(`sluicegate-${name}=`))?.split("=")[1];

  // Live parts that fail say so, and stop saying so when they come again.
  const lost = (is) => {
    const banner = document.getElementById("lost");
    if (banner) banner.hidden = !is;
  };
  document.addEventListener("htmx:error", () => lost(true));
  document.addEventListener("htmx:after:request", (event) => {
    const { status } = event.detail.ctx.response;
    if (status === 401) location.reload();
    else lost(status >= 400);
  });

  // What is told as it happens: held while somebody reads it or says so. Whoever reads is there with the mouse or the
  // keyboard, or has gone on to where the latest lines are out of sight.
  let isHeld = false;
  let waiting = [];
  let left = 0;  // of those that wait, how many there was no room for
  const [hold, list, fresh] = ["[data-hold]", "[data-read]", "[data-fresh]"].map((each) => document.querySelector(each));
  const isRead = () => list.matches(":hover, :focus-visible") || list.querySelector(":focus-visible") !== null;
  const reads = () => isHeld || (list !== null && (isRead() || list.getBoundingClientRect().top < 0));
  // Lines that come take their places: each once, the latest first, no more than there is room for.
  const place = (line) => {
    line.removeAttribute("data-new");
    const known = [...line.parentNode.children].find((each) => each !== line && each.id === line.id);
    if (known?.contains(document.activeElement)) line.remove();
    else known?.remove();
    let next = line.nextElementSibling;
    while (next && Number(next.dataset.at) > Number(line.dataset.at)) next = next.nextElementSibling;
    if (line.isConnected && next !== line.nextElementSibling) line.parentNode.insertBefore(line, next);
  };
  const come = (lines) => [...lines.querySelectorAll(":scope > [data-new]")];
  const room = (lines) => Number(lines.dataset.lines || Infinity);
  const settle = (lines) => {
    for (const line of come(lines).reverse()) place(line);
    while (lines.children.length > room(lines)) lines.lastElementChild.remove();
  };
  // While somebody reads they wait, and it is said how many.
  const keepBack = (lines) => {
    const these = come(lines);
    for (const line of these) line.remove();
    const ids = new Set(these.map((line) => line.id));
    const all = [...these, ...waiting.filter((line) => !ids.has(line.id))].filter((line) => !document.getElementById(line.id));
    waiting = all.slice(0, room(lines));
    left += all.length - waiting.length;
  };
  const putIn = () => {
    const lines = list.querySelector("[data-lines]");
    lines.prepend(...waiting);
    settle(lines);
    waiting = [];
    left = 0;
  };
  const tellWaiting = () => {
    fresh.textContent = `${waiting.length + left} new`;
    fresh.hidden = !waiting.length;
  };
  const review = () => {
    if (!list) return;
    const is = reads();
    document.getElementById("held").hidden = !is;
    list.toggleAttribute("data-held", is);
    // What stands above must not push away what is read.
    for (const low of document.querySelectorAll(".wide.low")) low.style.height = is ? low.style.height || `${low.offsetHeight}px` : "";
    if (!is && waiting.length) putIn();
    tellWaiting();
  };

  // Texts that move, by the element that has them: one, or one for each of its places. What has none is gone.
  const say = (id, said) => {
    const element = document.getElementById(id);
    if (!element) return;
    if (said === null) element.remove();
    else if (typeof said === "string") element.textContent = said;
    else element.querySelectorAll("[data-told]").forEach((each, at) => { each.textContent = said[at]; });
  };

  if (document.querySelector("[data-follow]")) {
    document.addEventListener("told", (event) => {
      for (const [id, said] of Object.entries(JSON.parse(event.detail.data))) say(id, said);
    });
    for (const each of document.querySelectorAll("[data-scripted]")) each.hidden = false;
    document.addEventListener("htmx:sse:before:message", review);
    document.addEventListener("htmx:sse:after:message", () => {
      lost(false);
      for (const lines of document.querySelectorAll("[data-lines]")) {
        if (reads() && list.contains(lines)) keepBack(lines);
        else settle(lines);
      }
      review();
    });
    document.addEventListener("htmx:sse:error", (event) => {
      if (event.detail.status === 401) location.reload();
      else lost(true);
    });
    for (const kind of ["scroll", "mouseover", "mouseout"]) document.addEventListener(kind, review, { passive: true });
    // From one line to the next nothing has the focus for a moment.
    for (const kind of ["focusin", "focusout"]) document.addEventListener(kind, () => setTimeout(review));
    fresh?.addEventListener("click", () => {
      putIn();
      const title = document.getElementById("ended-title");
      title.focus({ preventScroll: true });
      if (list.getBoundingClientRect().top < 0) title.scrollIntoView();
      review();
    });
    if (hold) {
      hold.hidden = false;
      hold.addEventListener("click", () => {
        isHeld = !isHeld;
        hold.setAttribute("aria-pressed", String(isHeld));
        review();
      });
    }
  }

  // The next page is made in the viewer's zone; the first one is put right here.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && remembered("zone") !== zone) {
    remember("zone", zone);
    const two = (number) => String(number).padStart(2, "0");
    for (const element of document.querySelectorAll("time[datetime]")) {
      const at = new Date(element.dateTime);
      const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
      const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
      element.title = `${day} ${clock}`;
      if (element.hasAttribute("data-clock")) element.textContent = clock;
      else if (/^\d{4}-/.test(element.textContent)) element.textContent = `${day} ${clock.slice(0, 5)}`;
    }
  }

  // Light, dark, or as the system has it.
  const toggle = document.querySelector("[data-theme-toggle]");
  if (toggle) {
    toggle.hidden = false;
    toggle.addEventListener("click", () => {
      const themes = ["", "light", "dark"];
      const theme = themes[(themes.indexOf(root.dataset.theme ?? "") + 1) % themes.length];
      if (theme) root.dataset.theme = theme;
      else delete root.dataset.theme;
      remember("theme", theme);
      document.dispatchEvent(new CustomEvent("sluicegate:theme"));
    });
  }

  const toast = (text) => {
    document.querySelector(".toast")?.remove();
    const element = document.createElement("p");
    element.className = "toast";
    element.role = "status";
    element.textContent = text;
    document.body.append(element);
    setTimeout(() => element.remove(), 2500);
  };

  const arm = (within) => {
    for (const button of within.querySelectorAll("button[data-copy]")) button.hidden = !navigator.clipboard;
  };
  arm(document);
  document.addEventListener("htmx:after:swap", () => arm(document));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-copy]");
    if (button) {
      const text = document.getElementById(button.dataset.copy).textContent;
      navigator.clipboard.writeText(text).then(() => toast("Copied"), () => toast("The browser does not let us copy"));
    }
    for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
  });

  // A menu is left by Escape, which gives the focus back to what opened it, and by going on to what comes behind it.
  const menus = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("focusout", (event) => {
    for (const menu of menus()) {
      if (menu.contains(event.target) && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
    }
  });
  const leaveMenus = () => {
    for (const menu of menus()) {
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      menu.open = false;
    }
  };

  // A row leads to what it is about, wherever one clicks in it, unless that is something else or its words are marked.
  const follow = (event) => {
    const link = event.target.closest("tbody tr")?.querySelector("a.row");
    const other = "a, button, input, select, textarea, label, summary";
    if (!link || event.defaultPrevented || event.target.closest(other) || !getSelection().isCollapsed) return;
    const apart = event.button === 1 || event.ctrlKey || event.metaKey || event.shiftKey;
    if (apart) window.open(link.href, "_blank", "noopener");
    else link.click();
  };
  document.addEventListener("click", follow);
  document.addEventListener("auxclick", (event) => { if (event.button === 1) follow(event); });

  // Heads of tables stay at the top of the window where their tables fit into it; a table that does not fit scrolls
  // by itself, and its head stays at the top of it.
  const fit = (wide) => wide.toggleAttribute("data-fits", wide.firstElementChild.offsetWidth <= wide.offsetWidth);
  const sizes = new ResizeObserver((entries) => entries.forEach((entry) => fit(entry.target.closest(".wide"))));
  const watchSizes = () => {
    for (const wide of document.querySelectorAll(".wide:has(thead.stays)")) {
      sizes.observe(wide);
      sizes.observe(wide.firstElementChild);
    }
  };
  watchSizes();
  document.addEventListener("htmx:after:swap", watchSizes);

  // Keys. `g` waits a second for the letter of a page.
  let going = 0;
  const rows = () => [...document.querySelectorAll("main tbody a.row")];
  const step = (by) => {
    const all = rows();
    const next = all[Math.min(all.length - 1, Math.max(0, all.indexOf(document.activeElement) + by))];
    next?.focus();
  };
  const keys = {
    "/": () => document.getElementById("find")?.focus(),
    "?": () => document.getElementById("letters")?.showModal(),
    j: () => step(1),
    k: () => step(-1),
    n: () => document.querySelector("[data-fresh]:not([hidden])")?.click(),
    p: () => document.querySelector("[data-live], [data-hold]")?.click(),
    g: () => { going = Date.now(); },
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "Escape") {
      leaveMenus();
      if (typing === document.activeElement) typing?.blur();
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (Date.now() - going < 1000) {
      const link = [...document.querySelectorAll(".rail a[data-letter]")].find((each) => each.dataset.letter === event.key);
      going = 0;
      if (link) {
        event.preventDefault();
        link.click();
        return;
      }
    }
    if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  });
})();
