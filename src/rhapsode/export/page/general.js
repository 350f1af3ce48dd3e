// A number with so many digits, as Python's `f"{value:.6g}"` writes it.
export function general(value, digits) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value < 0 ? "-inf" : "inf";
  let [figures, exponent] = halfEven(Math.abs(value), digits);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (exponent < -4 || exponent >= digits) {
    figures = figures.replace(/0+$/, "") || "0";
    const power = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${figures[0]}${figures.length > 1 ? "." : ""}${figures.slice(1)}e${exponent < 0 ? "-" : "+"}${power}`;
  }
  const whole = exponent < 0 ? "0" : figures.slice(0, exponent + 1);
  const part = (exponent < 0 ? "0".repeat(-exponent - 1) + figures : figures.slice(exponent + 1)).replace(/0+$/, "");
  return `${sign}${whole}${part ? "." : ""}${part}`;
}

// Its figures and the power of ten of the first; of two numbers that are equally near, that which ends in an even figure.
function halfEven(value, digits) {
  const split = (text) => {
    const [figures, exponent] = text.split("e");
    return [figures.replace(".", ""), Number(exponent)];
  };
  const [exact, exponent] = split(value.toExponential(60));
  const tie = /^50*$/.test(exact.slice(digits)) && Number(exact[digits - 1]) % 2 === 0;
  return tie ? [exact.slice(0, digits), exponent] : split(value.toExponential(digits - 1));
}
