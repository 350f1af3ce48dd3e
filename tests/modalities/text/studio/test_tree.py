"""The branches of a work: a text and all that it was."""

from __future__ import annotations

from tests.node import run

FOLDER = "modalities/text/studio"


def test_every_text_can_be_had_again() -> None:
    """Random edits of random nodes, against the texts that were kept apart."""
    found = run(
        FOLDER,
        """
        const { Tree, MODEL, PERSON, difference } = await use("tree.js");
        let state = 7;
        const random = (n) => (state = (state * 48271) % 2147483647) % n;
        const letters = ["a", "b", "c", "\\n", "🏛", "é", "𝄞"];
        const word = (n) => Array.from({ length: n }, () => letters[random(letters.length)]).join("");
        const tree = new Tree();
        const texts = new Map([[0, ""]]);
        const inks = new Map([[0, ""]]);
        const fails = [];
        for (let n = 0; n < 600; n++) {
          if (random(3) === 0) {
            const ids = [...tree.nodes.keys()];
            tree.go(ids[random(ids.length)]);
          }
          const before = Array.from(tree.text());
          const at = random(before.length + 1);
          const drop = Math.min(before.length - at, random(4));
          const ink = Array.from(inks.get(tree.here));
          const added = word(1 + random(5));
          if (random(2)) {
            const units = (part) => part.join("").length;
            const gone = units(before.slice(at, at + drop));
            tree.add({ at: units(before.slice(0, at)), drop: gone, text: added, by: MODEL });
            ink.splice(at, drop, ...Array.from(added, () => MODEL));
          } else {
            const after = [...before];
            after.splice(at, drop, ...Array.from(added));
            tree.node.changed = 0; // long ago
            const change = difference(before.join(""), after.join(""));
            tree.edit(after.join(""));
            if (before.join("") === after.join("")) continue;
            const begin = Array.from(before.join("").slice(0, change.at)).length;
            const gone = Array.from(before.join("").slice(change.at, change.at + change.drop)).length;
            ink.splice(begin, gone, ...Array.from(change.text, () => PERSON));
          }
          const all = [...before];
          all.splice(at, drop, ...Array.from(added));
          texts.set(tree.here, all.join(""));
          inks.set(tree.here, ink.join(""));
        }
        const again = Tree.from(JSON.parse(JSON.stringify(tree.toJSON())));
        for (const [id, text] of texts) {
          if (tree.text(id) !== text || again.text(id) !== text) fails.push([id, text, tree.text(id)]);
          const authors = tree.authors(id);
          let at = 0;
          const own = Array.from(text, (one) => authors[(at += one.length) - one.length]).join("");
          if (own !== inks.get(id) || authors.length !== text.length) fails.push([id, own, inks.get(id)]);
        }
        const drawn = tree.outline().length;
        return { fails: fails.slice(0, 3), here: again.here === tree.here, nodes: tree.nodes.size, drawn };
        """,
    )
    assert found["fails"] == [] and found["here"] and found["nodes"] == found["drawn"] > 500


def test_typing_on_is_one_change_until_one_pauses() -> None:
    found = run(
        FOLDER,
        """
        const { Tree, MODEL } = await use("tree.js");
        const tree = new Tree();
        for (const text of ["S", "Si", "Sin", "Sing"]) tree.edit(text);
        const one = tree.nodes.size;
        tree.node.changed = 0;
        tree.edit("Sing,");
        const two = tree.nodes.size;
        const id = tree.add({ at: 5, drop: 0, text: "", by: MODEL });
        tree.prune(id);
        const pruned = tree.nodes.size;
        const grown = tree.add({ at: 5, drop: 0, text: "", by: MODEL });
        tree.grow(grown, " god");
        tree.grow(grown, "dess");
        const text = tree.text();
        tree.undo();
        const undone = tree.text();
        const other = tree.add({ at: 4, drop: 1, text: " no more", by: MODEL });
        const beside = [tree.beside(-1), tree.beside(1)];
        tree.undo();
        tree.redo();
        return { one, two, pruned, text, undone, beside, grown, here: tree.here === other, title: tree.title };
        """,
    )
    assert (found["one"], found["two"], found["pruned"]) == (2, 3, 3)
    assert found["text"] == "Sing, goddess" and found["undone"] == "Sing,"
    assert found["beside"] == [found["grown"], None] and found["here"] and found["title"] == "Sing no more"


def test_what_is_typed_after_a_model_has_failed_is_there() -> None:
    """The new node has the number of the one that is gone, but not its text."""
    found = run(
        FOLDER,
        """
        const { Tree, MODEL } = await use("tree.js");
        const tree = new Tree();
        tree.edit("<xml>");
        const id = tree.add({ at: 5, drop: 0, text: "", by: MODEL });
        tree.text();
        tree.prune(id);
        tree.node.changed = 0; // long ago
        tree.edit("[1,");
        return { text: tree.text(), same: tree.here === id };
        """,
    )
    assert found == {"text": "[1,", "same": True}


def test_a_file_that_is_no_work_is_refused_with_its_reason() -> None:
    found = run(
        FOLDER,
        """
        const { Tree } = await use("tree.js");
        const good = { here: 1 };
        const node = { id: 1, parent: 0, at: 0, drop: 0, text: "a", by: 0 };
        const bad = [
          null, {}, { ...good, nodes: 3 }, { ...good, nodes: [] },
          { ...good, nodes: [{ ...node, at: 1 }] }, { ...good, nodes: [{ ...node, parent: 7 }] },
          { ...good, nodes: [node, node] }, { ...good, nodes: [{ ...node, text: 3 }] },
          { ...good, nodes: [{ ...node, by: 2 }] }, { ...good, nodes: [{ ...node, drop: 1 }] },
          { ...good, nodes: [{ ...node, id: -1 }] },
        ];
        return [Tree.from({ ...good, nodes: [node] }).text(), ...bad.map((one) => {
          try { Tree.from(one); return "taken"; } catch (error) { return error.message; }
        })];
        """,
    )
    assert found[0] == "a"
    assert all(one.startswith(("its ", "it has ", "the place")) for one in found[1:]), found
