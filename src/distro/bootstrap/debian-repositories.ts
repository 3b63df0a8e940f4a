// Further repositories of a Debian system: while it is installed, and in the image where they are kept.

import type { Repository, System } from '../../model/system/system.ts';
import { quoteWord } from '../../util/quote.ts';
import { command, stop, writeText } from '../shell-text.ts';

/** Why repositories are none of Debian's; undefined if they are. */
export function repositoryFault(
  all: readonly Repository[],
): { readonly field: string; readonly message: string; readonly hint: string } | undefined {
  for (const [index, { url, cost, excludes, suites, components, key }] of all.entries()) {
    const where = `system.repositories.${index}`;
    const field = 'repositories';
    if (url === undefined) {
      return { field, message: `${where} requires a url`, hint: 'metalink and mirrorlist are for rpm' };
    }
    if ((cost ?? excludes) !== undefined) {
      return { field, message: `${where}: cost and exclude are for rpm`, hint: 'leave them out' };
    }
    if (url.startsWith('./') && (suites ?? components) !== undefined) {
      const hint = 'leave suites and components out: all packages of the directory are there';
      return { field, message: `${where}: a directory of packages has no suites`, hint };
    }
    if (url.startsWith('./') && key !== undefined) {
      const message = `${where}: packages of a directory are not signed`;
      return { field, message, hint: 'set "key: none": they are files of the layer' };
    }
  }
  return undefined;
}

/** Lines that add them to `"$TMPDIR/sources"`, each with a key that apt can read. */
export function addRepositories(system: System): string {
  const { repositories = [] } = system;
  if (repositories.length === 0) return '';
  const refused = stop('E: the path of the project has blanks, and a list of repositories cannot have those');
  return `case $TMPDIR in *[[:space:]]*) ${refused} ;; esac
${repositories.map((one) => addRepository(one, system)).join('')}`;
}

function addRepository(repository: Repository, system: System): string {
  const { name, url = '', key } = repository;
  if (url.startsWith('./')) {
    return `# The packages of a directory, with a list of them.
local=$TMPDIR/repositories/${name}
mkdir -p "$local"
for file in ${quoteWord(url)}/*.deb; do
  cp "$file" "$local"
  {
    dpkg-deb --field "$file"
    echo "Filename: ./\${file##*/}"
    echo "Size: $(stat -c %s "$file")"
    digest=$(sha256sum <"$file")
    echo "SHA256: \${digest%% *}"
    echo
  } >>"$local/Packages"
done
chmod -R a+rX "$TMPDIR/repositories"
echo "deb [trusted=yes] copy:$local ./" >>"$TMPDIR/sources"
`;
  }
  const { suites, components } = partsOf(repository, system);
  const lines = command(suites.map((suite) => [url, suite, ...components].join(' ')));
  const add = (option: string) =>
    `for line in ${lines}; do echo "deb [${option}] $line"; done >>"$TMPDIR/sources"\n`;
  if (key === undefined) return add('trusted=yes');
  return `# Not every place of the layer is one that apt can read.
mkdir -p "$TMPDIR/keys"
key=$TMPDIR/keys/${name}.$(${extensionOf(key)})
cp ${quoteWord(`./${key}`)} "$key"
chmod -R a+rX "$TMPDIR/keys"
${add('signed-by=$key')}`;
}

/** A suite that ends with a slash is a flat repository, which has no components. */
function partsOf(
  { suites, components = ['main'] }: Repository,
  { suite }: System,
): Pick<Required<Repository>, 'suites' | 'components'> {
  const isFlat = suites?.some((one) => one.endsWith('/')) === true;
  return { suites: suites ?? [suite], components: isFlat ? [] : components };
}

/** A command that prints the extension by which apt knows the form of a key. */
function extensionOf(key: string): string {
  return `if grep -aq 'BEGIN PGP PUBLIC KEY BLOCK' ${quoteWord(`./${key}`)}; then echo asc; else echo gpg; fi`;
}

/** Lines that write those to the image that it keeps: sources.list(5), the deb822 form. */
export function keepRepositories(system: System): string {
  return (system.repositories ?? [])
    .filter(({ keep }) => keep === true)
    .map((repository) => {
      const { name, url = '', key } = repository;
      const { suites, components } = partsOf(repository, system);
      const text = [
        'Types: deb',
        `URIs: ${url}`,
        `Suites: ${suites.join(' ')}`,
        ...(components.length === 0 ? [] : [`Components: ${components.join(' ')}`]),
        ...(key === undefined ? ['Trusted: yes'] : []),
      ];
      const file = `"$root/etc/apt/sources.list.d/${name}.sources"`;
      const written = `mkdir -p "$root/etc/apt/sources.list.d"\n${writeText(file, `${text.join('\n')}\n`)}\n`;
      if (key === undefined) return written;
      return `${written}key=/etc/apt/keyrings/${name}.$(${extensionOf(key)})
mkdir -p "$root/etc/apt/keyrings"
cp ${quoteWord(`./${key}`)} "$root$key"
echo "Signed-By: $key" >>${file}
`;
    })
    .join('');
}
