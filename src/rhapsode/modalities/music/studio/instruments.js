// Where one hears a tune: from this browser, or from what Web MIDI reaches, if the browser has it.

import { element } from "../../../export/page/dom.js";
import { trouble } from "../../../studio/studio.js";
import { t } from "../../../studio/texts.js";
import { MidiOut } from "../player/midiout.js";

export class Instruments {
  constructor() {
    this.player = null;
    this.access = null;
    this.ask = element("button", { id: "midi", title: t("compose.midi.title"), click: () => this.#open() }, t("compose.midi"));
    this.select = element("select", { id: "output", hidden: "", "aria-label": t("compose.output") });
    this.select.addEventListener("change", () => this.#choose());
    this.element = element("div", { class: "outputs" }, this.ask, this.select);
    this.element.hidden = !navigator.requestMIDIAccess;
  }

  // Browsers ask the person, so this is done when it is wanted.
  async #open() {
    try {
      this.access = await navigator.requestMIDIAccess({ sysex: false });
    } catch (error) {
      trouble(new Error(t("compose.midi.refused", { why: error.message })));
      return;
    }
    this.access.onstatechange = () => this.#list();
    this.#list();
    this.ask.hidden = true;
    this.select.hidden = false;
    this.select.focus();
  }

  #list() {
    const chosen = this.select.value;
    const outputs = [...this.access.outputs.values()].filter(({ state }) => state !== "disconnected");
    const options = outputs.map(({ id, name }) => element("option", { value: id }, name || t("compose.midi.unnamed")));
    const none = outputs.length ? [] : [element("option", { disabled: "" }, t("compose.midi.none"))];
    this.select.replaceChildren(element("option", { value: "" }, t("compose.midi.own")), ...options, ...none);
    this.select.value = outputs.some(({ id }) => id === chosen) ? chosen : "";
    if (this.select.value !== chosen) this.#choose();
  }

  #choose() {
    const output = this.access.outputs.get(this.select.value);
    this.player.route(output ? new MidiOut(output) : null);
  }

  close() {
    if (this.access) this.access.onstatechange = null;
  }
}
