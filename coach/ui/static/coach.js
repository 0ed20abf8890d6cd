// What happens in the browser: buttons speak to the page through one unseen box, and a few things stay here
// (copying, opening a side column, the address of the open conversation).
"use strict";
(() => {
  const find = (selector, root = document) => root.querySelector(selector);
  const box = () => find("#box textarea, #box input");
  let count = 0;

  function put(field, text) {
    const kind = field.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, text);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function ask(action) {
    const field = find("#action textarea, #action input");
    // The number makes every action a change, also when the same button is pressed twice.
    if (field) put(field, JSON.stringify({ ...action, n: ++count }));
  }

  function say(text) {
    const field = box();
    if (!field) return;
    put(field, text);
    setTimeout(() => find("#send")?.click(), 30);
  }

  async function copy(button) {
    const text = button.dataset.copy;
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = Object.assign(document.createElement("textarea"), { value: text });
      area.className = "unseen";
      document.body.append(area);
      area.select();
      done = document.execCommand("copy");
      area.remove();
    }
    const before = button.textContent;
    button.textContent = done ? "Copied" : "Not copied";
    setTimeout(() => (button.textContent = before), 1400);
  }

  function drawer(name) {
    const open = document.body.dataset.drawer === name ? "" : name || "";
    document.body.dataset.drawer = open;
    for (const toggle of document.querySelectorAll("[data-drawer].toggle")) {
      toggle.setAttribute("aria-expanded", String(toggle.dataset.drawer === open));
    }
    if (open) find(`#${open} button, #${open} a, #${open} summary`)?.focus({ preventScroll: true });
  }

  const isNarrow = () => matchMedia("(max-width: 1099px)").matches;
  let wanted = null;
  let left = null;

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-do], [data-say], [data-fill], [data-copy], [data-drawer]");
    if (!target) {
      if (document.body.dataset.drawer && event.target === find("#desk")) drawer("");
      for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
      return;
    }
    if (target.dataset.copy !== undefined) return void copy(target);
    if (target.dataset.drawer !== undefined && target.classList.contains("toggle")) return drawer(target.dataset.drawer);
    if (target.dataset.say !== undefined) return say(target.dataset.say);
    if (target.dataset.fill !== undefined) {
      put(box(), target.dataset.fill);
      return box().focus();
    }
    if (!target.dataset.do || target.tagName === "FORM" || target.tagName === "SELECT") return;
    event.preventDefault();
    const { do: what, id, text } = target.dataset;
    if (what === "cite") wanted = id.split(":").pop();
    else left = id ? { place: target.closest(".block")?.id, id } : null;
    ask({ do: what, id: id || "", text: text || "" });
    if (["cite", "sent"].includes(what) && isNarrow() && document.body.dataset.drawer !== "panel") drawer("panel");
    if (["open", "new", "delete"].includes(what) && document.body.dataset.drawer === "rail") drawer("rail");
    if (target.dataset.focus !== undefined || what === "new") setTimeout(() => box()?.focus(), 250);
  });

  document.addEventListener("change", (event) => {
    const select = event.target.closest("select[data-do]");
    if (!select) return;
    if (select.value === "+") {
      const adder = find(".adder");
      adder.hidden = false;
      find("input", adder).focus();
    } else {
      ask({ do: select.dataset.do, id: "", text: select.value });
    }
  });

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-do]");
    if (!form) return;
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(form));
    const short = (fields.text || "").length <= 4000 ? fields.text || "" : "";
    ask({ do: form.dataset.do, id: form.dataset.id || "", text: short, fields });
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if (document.body.dataset.drawer) drawer("");
      for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
    }
    if (event.key === " " && event.target.matches?.("a[role=button]")) {
      event.preventDefault();
      event.target.click();
    }
  });

  function settle() {
    for (const [id, role, label] of [["rail", "complementary", "Conversations"], ["panel", "complementary", "Sources and plan"],
      ["scroll", "log", "Conversation"], ["shelf", "region", "Add and find notes"], ["reader", "region", "The note"],
      ["settings", "region", "Settings"]]) {
      const place = document.getElementById(id);
      if (place && !place.hasAttribute("role")) {
        place.setAttribute("role", role);
        place.setAttribute("aria-label", label);
      }
    }
    const field = find("#action textarea, #action input");
    if (field && field.tabIndex !== -1) {
      field.tabIndex = -1;
      field.setAttribute("aria-hidden", "true");
    }
    find("#drop button")?.setAttribute("aria-label", "Drop notes here, or choose files");
    document.documentElement.lang = "en";
  }

  // Follows the turn: what the user just wrote goes to the top, and stays there while the reply grows under it.
  let lastYou = 0;
  function follow() {
    const place = find("#scroll");
    if (!place) return;
    const said = place.querySelectorAll(".you");
    if (said.length > lastYou || (said.length && said.length !== lastYou)) {
      said[said.length - 1].scrollIntoView({ block: "start" });
    }
    lastYou = said.length;
  }

  function keepAddress() {
    const open = find("#rail [aria-current=true].open")?.dataset.id;
    if (!find("#rail-list nav")) return;
    const address = new URL(location.href);
    if ((address.searchParams.get("c") || undefined) === open) return;
    open ? address.searchParams.set("c", open) : address.searchParams.delete("c");
    history.replaceState(null, "", address);
  }

  function showWanted() {
    if (wanted === null) return;
    const source = find(`#sources details[data-marker="${CSS.escape(wanted)}"][open]`);
    if (!source) return;
    wanted = null;
    source.scrollIntoView({ block: "nearest" });
    const mark = find("mark", source);
    const quote = mark?.closest("blockquote");
    if (quote) quote.scrollTop += mark.getBoundingClientRect().top - quote.getBoundingClientRect().top - quote.clientHeight / 3;
    find("summary", source)?.focus({ preventScroll: true });
  }

  // A button that was pressed is gone when its piece is drawn anew: the keyboard goes on at the one in its place.
  function refocus() {
    if (left === null || document.activeElement !== document.body) return;
    const next = find(`#${left.place} [data-do][data-id="${CSS.escape(left.id)}"]`);
    if (next) next.focus({ preventScroll: true });
    left = null;
  }

  let queued = false;
  new MutationObserver(() => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => {
      queued = false;
      settle();
      follow();
      keepAddress();
      showWanted();
      refocus();
    });
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
