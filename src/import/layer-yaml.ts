// The text of a layer.yaml and of a vlb.yaml, as a user would have written them.

import { Document, isScalar, isSeq, type Node, Scalar, visit } from 'yaml';
import type { StepEntry } from '../translate/draft.ts';

/** What a layer.yaml says. */
export interface LayerText {
  /** What is written above all fields. */
  readonly heading: string;
  /** What is in front of everything else, such as `system`. */
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly params: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly network: 'none' | undefined;
  readonly steps: readonly { readonly step: StepEntry; readonly comment: string | undefined }[];
  /** What follows the last step. */
  readonly end: string | undefined;
}

/** A list of words is on one line up to this length. */
const WIDEST_LIST = 100;

/** The text of a layer.yaml. */
export function layerYaml({ heading, fields = {}, params, secrets, network, steps, end }: LayerText): string {
  const document = new Document({
    ...fields,
    ...(Object.keys(params).length === 0 ? {} : { params }),
    ...(secrets.length === 0 ? {} : { secrets }),
    ...(network === undefined ? {} : { network }),
    ...(steps.length === 0 ? {} : { steps: steps.map(({ step }) => step) }),
  });
  const list = document.get('steps', true) as unknown; // yaml has no type for the nodes of a document that was made
  if (isSeq<Node>(list)) {
    for (const [index, { comment }] of steps.entries()) {
      const item = list.items[index];
      if (item && comment !== undefined) item.commentBefore = commented(comment);
    }
    if (end !== undefined) document.comment = commented(end);
  }
  document.commentBefore = commented(heading);
  return textOf(document);
}

/** The text of a vlb.yaml. */
export function configYaml(heading: string, config: Readonly<Record<string, unknown>>): string {
  const document = new Document(config);
  document.commentBefore = commented(heading);
  return textOf(document);
}

function textOf(document: Document): string {
  visit(document, {
    Seq(_, list) {
      if (list.items.every((item) => isScalar(item) && !String(item.value).includes('\n'))) {
        list.flow = list.items.map(String).join(', ').length <= WIDEST_LIST;
      }
    },
    Scalar(_, scalar) {
      if (typeof scalar.value !== 'string' || !scalar.value.includes('\n')) return;
      scalar.type = isPlainBlock(scalar.value) ? Scalar.BLOCK_LITERAL : Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString({ lineWidth: 0, nullStr: '', flowCollectionPadding: false, singleQuote: true });
}

/** Whether a text of several lines is the same as a block: without blanks at its ends, and without control characters. */
function isPlainBlock(text: string): boolean {
  return /^\S(?:[\s\S]*\S)?\n?$/.test(text) && !/[^\P{C}\n\t]/u.test(text);
}

/** A comment as the YAML library writes it: each line after a `#`. */
function commented(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? '' : ` ${line}`))
    .join('\n');
}
