// Where a person points at in a sheet, with a mouse.

const WAIT = 90; // ms that one points at a place, until it is looked up
const STAY = 250; // ms after the mouse has left, until what is shown there goes

export class Pointer {
  // pointed: is called with the code unit that one points at; with null when there is none any more. popups: elements
  // that are shown for it, and stay while the mouse is in them.
  constructor(sheet, pointed, popups = []) {
    Object.assign(this, { sheet, pointed, timer: null });
    const { area, element } = sheet;
    const later = (ms, at) => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.pointed(at()), ms);
    };
    area.addEventListener("pointermove", ({ pointerType, buttons, clientX, clientY }) => {
      if (pointerType === "mouse" && !buttons) later(WAIT, () => this.sheet.at(clientX, clientY));
    });
    area.addEventListener("pointerleave", ({ relatedTarget }) => {
      if (!popups.some((one) => one.contains(relatedTarget))) later(STAY, () => null);
    });
    for (const popup of popups) {
      popup.addEventListener("pointerenter", () => clearTimeout(this.timer));
      popup.addEventListener("pointerleave", ({ relatedTarget }) => {
        if (!element.contains(relatedTarget)) this.pointed(null);
      });
    }
  }

  close() {
    clearTimeout(this.timer);
  }
}

// Puts what is shown for a place of the sheet below it; above it, where there is no room.
export function place(popup, box) {
  const around = popup.offsetParent.getBoundingClientRect();
  const { offsetHeight, offsetWidth } = popup;
  const below = box.bottom + offsetHeight < innerHeight || box.top < offsetHeight;
  popup.style.top = `${(below ? box.bottom + 4 : box.top - offsetHeight - 4) - around.top}px`;
  popup.style.left = `${Math.max(0, Math.min(box.left - around.left - 12, around.width - offsetWidth))}px`;
}
