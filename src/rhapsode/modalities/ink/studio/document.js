// A drawing as a page of HTML that needs nothing else, and in which it writes itself.

const LOOK =
  "body{margin:0;min-height:100vh;display:grid;place-content:center;gap:2rem;padding:2rem;box-sizing:border-box;" +
  "background:#f3f1ec}svg{width:min(92vw,60rem);height:auto;background:#fff;border-radius:4px;box-shadow:0 2px 18px #0002}";
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

// svgs: documents, one below the other.
export function htmlPage(title, svgs) {
  const head = [
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    `<title>${escaped(title.split("\n")[0])}</title>`,
    `<style>${LOOK}</style>`,
  ];
  return `<!doctype html>\n<html lang="en">\n<head>\n${head.join("\n")}\n</head>\n<body>\n${svgs.join("\n")}</body>\n</html>\n`;
}
