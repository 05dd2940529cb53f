// Tabs: a neuron, a weight, a layer, the counts, exercises, help. One is drawn at a time.
import { make } from "./elements.js";

const STALE = ["choice", "tab", "network"];
const REST = 120; // milliseconds

export class Panel {
  // pages: [{key, title, heading, stale: changes that it shows besides, soon; draw(explorer)}]
  constructor(explorer, pages) {
    this.explorer = explorer;
    this.pages = pages;
    this.tabs = pages.map((page) => this.tab(page));
    this.body = make("div", { role: "tabpanel", className: "panel-body", tabIndex: -1 });
    const list = make("div", { role: "tablist", className: "tabs",
      "aria-label": explorer.text("panel.label") }, ...this.tabs);
    list.addEventListener("keydown", (event) => this.keyed(event));
    this.element = make("section", { className: "panel", "aria-label":
      explorer.text("panel.label") }, list, this.body);
    this.update(new Set(STALE));
  }

  tab(page) {
    const textContent = this.explorer.text(page.title);
    return make("button", { type: "button", role: "tab", textContent,
      dataset: { tab: page.key }, onclick: () => this.explorer.openTab(page.key) });
  }

  keyed(event) {
    const at = this.tabs.indexOf(event.target);
    const steps = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: this.tabs.length - 1 };
    if (at < 0 || !(event.key in steps)) return;
    const next = (steps[event.key] + this.tabs.length) % this.tabs.length;
    event.preventDefault();
    this.explorer.openTab(this.pages[next].key);
    this.tabs[next].focus();
  }

  update(changes) {
    const page = this.pages.find(({ key }) => key === this.explorer.tab);
    const turned = page !== this.page;
    this.page = page;
    this.tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(this.pages[i] === page));
      tab.tabIndex = this.pages[i] === page ? 0 : -1;
    });
    if (turned || STALE.some((change) => changes.has(change))) this.draw(turned);
    else if (page.stale?.some((change) => changes.has(change))) this.drawSoon();
  }

  // Numbers follow a drawing or a slider when it rests: tables are not made anew for every frame.
  drawSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.draw(false), REST);
  }

  // Drawn anew, and the keyboard stays where it was: at the same control or at the heading.
  draw(turned) {
    clearTimeout(this.timer);
    const focused = this.body.contains(document.activeElement) ? document.activeElement : null;
    const { key } = focused?.dataset ?? {};
    const scroll = this.body.scrollTop;
    const heading = make("h2", { tabIndex: -1 });
    heading.append(...[this.page.heading(this.explorer)].flat());
    this.body.replaceChildren(heading, ...this.page.draw(this.explorer));
    this.body.setAttribute("aria-label", this.explorer.text(this.page.title));
    const again = !turned && this.shown === heading.textContent;
    if (scroll && !again) this.body.scrollTop = 0; // setting it costs a layout: only if it moved
    this.shown = heading.textContent;
    if (!focused) return;
    const same = key && [...this.body.querySelectorAll("[data-key]")]
      .find((element) => element.dataset.key === key);
    (same || heading).focus({ preventScroll: true });
  }
}
