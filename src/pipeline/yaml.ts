// The YAML of pipelines.

import { Document } from 'yaml';

/** Documents with a comment above the first one. Lines are not folded: commands stay whole. */
export function yamlText(head: readonly string[], values: readonly unknown[]): string {
  const documents = values.map((value) => new Document(value, { aliasDuplicateObjects: false }));
  const texts = documents.map((document) => document.toString({ lineWidth: 0 }));
  return `${head.map((line) => `# ${line}\n`).join('')}${texts.join('---\n')}`;
}
