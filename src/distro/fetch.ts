// A file of the network in the shell of a step: by what the image has to fetch it, with its digest checked.

import { quoteWord } from '../util/quote.ts';
import { KEPT } from './packages/port.ts';

/**
 * Commands that set `file` to a file that has this digest, which is kept between builds.
 * @param url http or https
 * @param sha256 64 hexadecimal digits in lower case
 */
export function fetched(url: string, sha256: string): string {
  return `# ${url.replaceAll(/[\r\n]/g, ' ')}
file=${KEPT}/downloads/${sha256}
if [ ! -e "$file" ]; then
  mkdir -p ${KEPT}/downloads
  set -- ${quoteWord(url)} "$file.part"
  if command -v curl >/dev/null; then curl -fsSL --retry 3 -o "$2" "$1"
  elif command -v wget >/dev/null; then wget -q -O "$2" "$1"
  elif [ -x /usr/lib/apt/apt-helper ]; then /usr/lib/apt/apt-helper -q download-file "$1" "$2"
  else echo 'the image has neither curl nor wget: install one of them in a step before' >&2; exit 1
  fi
  mv "$2" "$file"
fi
digest=$(sha256sum <"$file")
[ "\${digest%% *}" = ${sha256} ] || {
  rm "$file"
  echo "its SHA-256 is \${digest%% *}, not ${sha256}" >&2
  exit 1
}`;
}
