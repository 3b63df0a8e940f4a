// Values of a template in the text of a shell: there, a layer has its parameters as variables, and nothing is rendered.

/** A value alone: `{{ name }}`. */
const VALUE = /^\{\{-?\s*([A-Za-z_]\w*)\s*-?\}\}/;

/**
 * The text with a variable for each value, in the quotes that it has there: `'{{ a }}'` becomes `''"${a}"''`. Undefined where a variable
 * would not be what the value is: in here-documents, and within the quotes of a command substitution in quotes.
 */
export function withVariables(text: string): string | undefined {
  if (text.includes('<<')) return undefined;
  let quote: '' | "'" | '"' = '';
  let out = '';
  for (let at = 0; at < text.length; ) {
    const rest = text.slice(at);
    const [whole, name] = VALUE.exec(rest) ?? [];
    const char = rest.charAt(0);
    if (whole !== undefined) {
      out += quote === "'" ? `'"\${${name}}"'` : `\${${name}}`;
      at += whole.length;
      continue;
    }
    if (quote === '' && char === '#' && /(^|[\s;&|()])$/.test(text.slice(0, at))) {
      const comment = /^.*/.exec(rest)?.[0] ?? '';
      out += comment;
      at += comment.length;
      continue;
    }
    if (quote === '"' && (char === '`' || rest.startsWith('$('))) return undefined;
    if (quote !== "'" && char === '\\') {
      out += rest.slice(0, 2);
      at += 2;
      continue;
    }
    if (char === quote) quote = '';
    else if (quote === '' && (char === "'" || char === '"')) quote = char;
    out += char;
    at++;
  }
  return out;
}
