// Exercises: predict a number, then check it against what the network in the page says.
import { setTable, unshare } from "../edits.js";
import { labelled, make, number, parsed, press, whole } from "./elements.js";

const NEAR = 0.01; // a state is right within one percent, or half a hundredth

const EDITED = {
  unshare: (network, layer) => unshare(network, layer),
  full: (network, layer) => {
    const { reads } = network.layers[layer].table;
    return setTable(network, layer, reads.map((row) => row.map(() => true)));
  },
};

const ANSWERS = {
  count: ({ original }, item) => countOf(original, item),
  edited: ({ original }, item) => {
    const { layer } = original.find(item.layer);
    return countOf(EDITED[item.edit](original, layer), item);
  },
  uses: ({ original }, item) => original.uses(original.find(item.weight).weight).sources.length,
  feeds: ({ original }, item) => original.outgoing(original.find(item.neuron).neuron)
    .targets.length,
  sees: ({ original }, item) => original.receptive(original.find(item.neuron).neuron).length,
  state: ({ network, states }, item) => states[network.find(item.neuron).neuron],
};

function countOf(network, { layer, quantity }) {
  const counts = network.counts();
  return (layer ? counts.perLayer.find(({ name }) => name === layer) : counts)[quantity];
}

// The exercises of the network that they were written for; it is known by its layers and counts.
export function exercisesFor(network, sets) {
  const shapes = network.layers.map(({ name, shape }) => `${name} ${shape.join("x")}`).join(", ");
  const set = sets.find(({ layers }) => layers === shapes);
  const { parameters, connections } = set ? network.counts() : {};
  return set?.parameters === parameters && set?.connections === connections ? set?.items ?? [] : [];
}

export function exercisePage(items) {
  return {
    key: "exercises",
    title: "tab.exercises",
    heading: (explorer) => explorer.text("exercises.title"),
    draw(explorer) {
      if (!items.length) {
        return [make("p", { textContent: explorer.text("exercises.none") })];
      }
      const solved = items.filter((item) => item.solved).length;
      return [
        make("p", { className: "note", textContent: explorer.text("exercises.how",
          { solved, all: items.length }) }),
        make("ol", { className: "exercises" }, ...items.map((item) => exercise(explorer, item))),
      ];
    },
  };
}

function exercise(explorer, item) {
  const key = `exercise ${item.text}`;
  const input = make("input", { inputMode: "decimal", value: item.given ?? "",
    autocomplete: "off", dataset: { key } });
  const message = make("p", { role: "status", className: "answer" });
  if (item.solved) message.append(...solution(explorer, item));
  const check = (event) => {
    event?.preventDefault();
    checked(explorer, item, input, message);
  };
  const form = make("form", { className: "bar", onsubmit: check },
    labelled(explorer.text("exercises.answer"), input),
    make("button", { type: "submit", textContent: explorer.text("exercises.check") }),
    press(explorer.text("exercises.give"), () => revealed(explorer, item, message)),
    press(explorer.text("exercises.show"), () => shown(explorer, item)));
  return make("li", { className: item.solved ? "solved" : "" },
    make("p", { textContent: explorer.text(`exercise.${item.text}`) }), form, message);
}

function checked(explorer, item, input, message) {
  const given = parsed(input.value);
  item.given = input.value;
  const right = ANSWERS[item.kind](explorer, item);
  if (!Number.isFinite(given)) message.textContent = explorer.text("exercises.number");
  else if (isRight(item, given, right)) {
    item.solved = true;
    explorer.told("tab");
  } else {
    message.textContent = explorer.text(given > right ? "exercises.less" : "exercises.more");
  }
}

function isRight(item, given, right) {
  if (item.kind !== "state") return given === right;
  return Math.abs(given - right) <= Math.max(NEAR * Math.abs(right), NEAR / 2);
}

function solution(explorer, item) {
  const right = ANSWERS[item.kind](explorer, item);
  const text = item.kind === "state" ? number(right) : whole(right);
  return [make("strong", { textContent: explorer.text("exercises.right", { answer: text }) }), " ",
    explorer.text(`exercise.${item.text}.why`)];
}

function revealed(explorer, item, message) {
  message.replaceChildren(...solution(explorer, item));
}

// What an exercise is about, in the picture; its page stays open.
function shown(explorer, item) {
  const found = explorer.network.find(item.weight ?? item.neuron ?? item.layer ?? "");
  if (!found) return;
  if (found.neuron !== undefined) explorer.choose(found.neuron, "exercises");
  else if (found.weight !== undefined) explorer.pick(found.weight, "exercises");
  else explorer.openLayer(found.layer, "exercises");
}
