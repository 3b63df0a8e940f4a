// Licenses: from what distributions call them to expressions of SPDX, where there is one.

import { fixupSpdxId } from '@cyclonedx/cyclonedx-library/SPDX';
import parseExpression from 'spdx-expression-parse';

/**
 * The licenses that a file in Debian's machine-readable format names, in the order of their first mention; none for a file in
 * another format. https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
 */
export function licensesInCopyright(text: string): readonly string[] {
  const [header = ''] = text.split(/\n\s*\n/, 1);
  if (!/^Format:\s*https?:\/\/\S*copyright-format\/1/im.test(header)) return [];
  const names = [...text.matchAll(/^License:[ \t]*(\S.*)$/gim)].map(([, name = '']) =>
    name.trim().replaceAll(/\s+/g, ' '),
  );
  return [...new Set(names)];
}

/** The licenses of a package. */
export interface Licensing {
  /** In the syntax of SPDX: an identifier, or several. */
  readonly expressions: readonly string[];
  /** Those that SPDX has no identifier for. */
  readonly names: readonly string[];
}

/** @param licenses each in the words of a distribution */
export function licensingOf(licenses: readonly string[]): Licensing {
  const found = licenses.map((name) => ({ name, expression: spdxExpression(name) }));
  return {
    expressions: [...new Set(found.flatMap(({ expression }) => expression ?? []))],
    names: found.flatMap(({ name, expression }) => (expression === undefined ? [name] : [])),
  };
}

/** All licenses at once: what is named differently becomes a reference of the document. */
export function wholeExpression({ expressions, names }: Licensing): string | undefined {
  const all = [...new Set([...expressions, ...names.map(licenseRef)])];
  return all.length === 0
    ? undefined
    : all.map((one) => (all.length > 1 ? inParentheses(one) : one)).join(' AND ');
}

/** The identifier that a document of SPDX has for a license of this name. */
export function licenseRef(name: string): string {
  return `LicenseRef-${
    name
      .replaceAll('+', '-or-later')
      .replaceAll(/[^A-Za-z0-9.]+/g, '-')
      .replaceAll(/^-|-$/g, '') || 'unnamed'
  }`;
}

/** References to licenses that an expression has in it already. */
export function referencesIn(expression: string): readonly string[] {
  return expression.match(/\bLicenseRef-[A-Za-z0-9.-]+/g) ?? [];
}

/** The expression of SPDX for one of a distribution; undefined where a part of it has no identifier. */
export function spdxExpression(text: string): string | undefined {
  // A comma binds less than the words, which are read as SPDX reads them.
  const parts = text.split(/\s*,\s*(?=(?:and|or)\s)/i).map((part) => {
    const [, operator = '', rest = ''] = /^(?:(and|or)\s+)?(.*)$/is.exec(part) ?? [];
    return { operator: operator.toUpperCase(), expression: withoutComma(rest) };
  });
  if (parts.some(({ expression }) => expression === undefined)) return undefined;
  const whole = parts
    .map(({ operator, expression = '' }) =>
      `${operator} ${parts.length > 1 ? inParentheses(expression) : expression}`.trim(),
    )
    .join(' ');
  return isValid(whole) ? whole : undefined;
}

function withoutComma(text: string): string | undefined {
  const words: string[] = [];
  // Parentheses, operators, and what is between them.
  for (const token of text.split(/(\(|\)|\s+(?:and|or)\s+)/i)) {
    const word = token.trim();
    if (word === '') continue;
    if (/^(?:\(|\)|and|or)$/i.test(word)) words.push(word.toUpperCase());
    else {
      const license = spdxLicense(word);
      if (license === undefined) return undefined;
      words.push(license);
    }
  }
  return words.join(' ').replaceAll('( ', '(').replaceAll(' )', ')');
}

/** One license, with its exception. */
function spdxLicense(name: string): string | undefined {
  const [, license = name, exception] = /^(.+?)\s+with\s+(.+?)(?:\s+exception)?$/i.exec(name) ?? [];
  const id = spdxId(license);
  if (id === undefined || exception === undefined) return id;
  const known = EXCEPTIONS[exception.toLowerCase()] ?? exception;
  const whole = `${id} WITH ${known}`;
  return isValid(whole) ? whole : undefined;
}

function spdxId(name: string): string | undefined {
  // Before its own names are tried: in those without `only` and `or-later`, which SPDX has deprecated, they differ.
  const gnu = /^(A?L?GPL|GFDL)-(\d(?:\.\d)?)(\+?)$/i.exec(name);
  if (gnu) {
    const [, family = '', number = '', plus = ''] = gnu;
    const version = number.includes('.') ? number : `${number}.0`;
    return fixupSpdxId(`${family}-${version}-${plus === '' ? 'only' : 'or-later'}`);
  }
  return isValid(name) ? name : (DEBIAN_NAMES[name.toLowerCase()] ?? fixupSpdxId(name));
}

/** What Debian calls exceptions, without the word; those of which SPDX has several are not here. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  bison: 'Bison-exception-2.2',
  'bison-2.2': 'Bison-exception-2.2',
  classpath: 'Classpath-exception-2.0',
  font: 'Font-exception-2.0',
  libtool: 'Libtool-exception',
  llvm: 'LLVM-exception',
  texinfo: 'Texinfo-exception',
};

/** Names of Debian's format that differ in more than their case. */
const DEBIAN_NAMES: Readonly<Record<string, string>> = {
  expat: 'MIT',
  artistic: 'Artistic-1.0',
  perl: '(Artistic-1.0-Perl OR GPL-1.0-or-later)',
  'gfdl-niv-1.2': 'GFDL-1.2-no-invariants-only',
  'gfdl-niv-1.2+': 'GFDL-1.2-no-invariants-or-later',
  'gfdl-niv-1.3': 'GFDL-1.3-no-invariants-only',
  'gfdl-niv-1.3+': 'GFDL-1.3-no-invariants-or-later',
  cc0: 'CC0-1.0',
  'zope-1.1': 'ZPL-1.1',
  'zope-2.0': 'ZPL-2.0',
  'zope-2.1': 'ZPL-2.1',
};

function isValid(expression: string): boolean {
  try {
    parseExpression(expression);
    return true;
  } catch {
    return false; // it says what is wrong with it by throwing
  }
}

function inParentheses(expression: string): string {
  return / (?:AND|OR) /.test(expression) && !isEnclosed(expression) ? `(${expression})` : expression;
}

/** Whether the first parenthesis is closed by the last one. */
function isEnclosed(expression: string): boolean {
  return /^\([^()]*\)$/.test(expression);
}
