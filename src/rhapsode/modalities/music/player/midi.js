// A tune as a MIDI file, the same one as `rhapsode compose -o tune.mid` writes.

import { rint } from "../../../arithmetic/doubles.js";

const MINOR = 9;
const DRUMS = 9; // the channel that melodies do not have

const big = (value, bytes) => Array.from({ length: bytes }, (_, n) => Math.floor(value / 256 ** (bytes - 1 - n)) & 255);
const utf8 = (text) => [...new TextEncoder().encode(text)];
const said = (kind, text) => [0xff, kind, ...variable(utf8(text).length), ...utf8(text)];

function variable(value) {
  const found = [value & 127];
  while ((value = Math.floor(value / 128))) found.unshift((value & 127) | 128);
  return found;
}

// tune: as tune.js has it, `accompanied`. Bytes.
export function midi({ notes, ticks, length, parts, metres, keys, tempos, chords }) {
  const tracks = parts.map(({ name, program, drums }, part) => {
    const channel = channelOf(part, drums);
    const events = [...(name ? [[0, said(3, name)]] : []), [0, [0xc0 | channel, program]]];
    return [
      ...events,
      ...keysPressed(
        notes.filter((note) => note[4] === part),
        channel,
      ),
    ];
  });
  if (chords.length) {
    const words = chords.map(([tick, symbol]) => [tick, said(5, symbol || "NC")]);
    tracks.push([[0, said(3, "chords")], [0, [0xc0 | channelOf(parts.length), 0]], ...words]);
  }
  tracks[0].unshift(
    ...metres.map(([tick, beats, unit]) => [tick, [0xff, 0x58, 4, beats, Math.log2(unit), 24, 8]]),
    ...keys.map(([tick, sharps, mode]) => [tick, [0xff, 0x59, 2, sharps & 255, Number(mode === MINOR)]]),
    ...tempos.map(([tick, quarters]) => [tick, [0xff, 0x51, 3, ...big(rint(60_000_000 / quarters), 3)]]),
  );
  tracks[0].sort(([one], [other]) => one - other);
  if (length > notes.reduce((end, [start, lasts]) => Math.max(end, start + lasts), 0))
    tracks[0].push([length, said(6, "end")]);
  const head = [...utf8("MThd"), ...big(6, 4), ...big(1, 2), ...big(tracks.length, 2), ...big(ticks, 2)];
  return Uint8Array.from([...head, ...tracks.flatMap(track)]);
}

// The channel of a part, from 0.
export const channelOf = (part, drums = false) => (drums ? DRUMS : (part % 15) + (part % 15 >= DRUMS ? 1 : 0));

// At each tick, keys go up before others go down.
function keysPressed(notes, channel) {
  const events = notes.flatMap(([start, lasts, pitch, velocity]) => [
    [start, [0x90 | channel, pitch, velocity]],
    [start + lasts, [0x80 | channel, pitch, velocity]],
  ]);
  return events.sort(([one, [down]], [other, [up]]) => one - other || (down & 0x10) - (up & 0x10));
}

function track(events) {
  const found = [];
  let [now, status] = [0, null];
  for (const [tick, [first, ...rest]] of events) {
    found.push(...variable(tick - now), ...(first === status ? [] : [first]), ...rest);
    now = tick;
    status = first < 0xf0 ? first : null; // what is the same as before need not be said
  }
  found.push(0, 0xff, 0x2f, 0);
  return [...utf8("MTrk"), ...big(found.length, 4), ...found];
}
