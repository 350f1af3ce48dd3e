// A model as data: a file of safetensors, whose metadata say everything but the weights.

const KINDS = { I8: Int8Array, U8: Uint8Array, I16: Int16Array, I32: Int32Array, F32: Float32Array, F64: Float64Array };

// Bytes of base64.
export function bytes(base64) {
  const text = atob(base64);
  const found = new Uint8Array(text.length);
  for (let n = 0; n < text.length; n++) found[n] = text.charCodeAt(n);
  return found;
}

// What `rhapsode.export._model` wrote: { about, tensors }. about: everything but the weights. tensors: name → typed
// array.
export function unpacked(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const begin = 8 + Number(view.getBigUint64(0, true));
  const {
    __metadata__: { about },
    ...index
  } = JSON.parse(new TextDecoder().decode(data.subarray(8, begin)));
  const tensors = {};
  for (const [
    name,
    {
      dtype,
      data_offsets: [from, to],
    },
  ] of Object.entries(index)) {
    const own = data.slice(begin + from, begin + to); // at the beginning of a buffer of its own
    tensors[name] = new KINDS[dtype](own.buffer);
  }
  return { about: JSON.parse(about), tensors };
}
