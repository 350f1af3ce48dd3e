// Random numbers: a function of seed, row, particle and the index. docs/arithmetic.md, "Random numbers".

const GOLDEN = 0x9e3779b97f4a7c15n;
const u64 = (z) => BigInt.asUintN(64, z);

function mix(z) {
  z = u64((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = u64((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

// The numbers of one sample, one after another. seed: a whole number of any size, number or BigInt.
export class Randomness {
  constructor(seed, row = 0, particle = null) {
    this.seed = BigInt(seed);
    this.step = 0;
    const words = [];
    for (let rest = this.seed; rest || !words.length; rest >>= 64n) words.push(u64(rest));
    words.unshift(BigInt(words.length));
    words.push(BigInt(row));
    if (particle !== null) words.push(BigInt(particle) + 1n);
    this.a = 0n;
    this.b = 1n;
    for (const word of words) {
      this.a = mix(u64((this.a ^ word) + GOLDEN));
      this.b = mix(u64(this.b + this.a));
    }
  }

  // The next number: 64 bits.
  word() {
    this.step += 1;
    return mix(this.b ^ mix(u64(this.a + BigInt(this.step) * GOLDEN)));
  }

  // The next number, as a multiple of 2^-53 in [0, 1).
  uniform() {
    return Number(this.word() >> 11n) * 2 ** -53;
  }
}
