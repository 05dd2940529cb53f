// Edits: each gives a new Network and leaves the old one as it was. They equal Python's ng.cut,
// ng.unshare and ng.tie; a connection table is changed link by link.
import * as cutting from "./cutting.js";
import * as tables from "./tables.js";
import * as tying from "./tying.js";
import * as unsharing from "./unsharing.js";

export const cut = cutting.cut;
export const unshare = unsharing.unshare;
export const tie = tying.tie;
export const setTable = tables.setTable;
