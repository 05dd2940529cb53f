// How to read the picture, and every key.
import { make, row, section, tabulated } from "./elements.js";

const KEYS = ["arrows", "pages", "layers", "weights", "fields", "escape", "pad", "pen", "delete"];

export const helpPage = {
  key: "help",
  title: "tab.help",
  heading: (explorer) => explorer.text("help.title"),
  draw(explorer) {
    const reading = ["picture", "colours", "neuron", "weight", "edit", "link"].map((key) =>
      make("p", { textContent: explorer.text(`help.${key}`) }));
    const rows = KEYS.map((key) => row([
      make("kbd", { textContent: explorer.text(`key.${key}`) }),
      explorer.text(`key.${key}.does`)]));
    return [...reading, section(explorer.text("help.keys"), tabulated({
      className: "keys", caption: explorer.text("help.keysCaption"), rows,
      head: [explorer.text("help.key"), explorer.text("help.does")] }))];
  },
};
