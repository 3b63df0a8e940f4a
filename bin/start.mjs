// Becomes dist/main.mjs, the first thing node runs: checks node's version, answers `--version` without loading
// anything more, and hands over to the real program with its compiled code cached on disk.
// bin/bundle.mjs fills in the capital names, and keeps the syntax to what Node 12 understands, so that an old
// node gets as far as the message.
/* global VLB_VERSION, VLB_ENTRY, VLB_NODE_MINIMUM */

// biome-ignore-all lint/style/useNodejsImportProtocol: require() of Node 12 does not know it
import module from 'node:module';

// Not imported: to import `fs` makes node load streams and more, which costs a tenth of `vlb --version`.
const require = module.createRequire(import.meta.url);
const fs = require('fs');
const path = require('path');
const dist = path.dirname(require('url').fileURLToPath(import.meta.url));

if (isOlder(process.versions.node, VLB_NODE_MINIMUM)) {
  const cure = fs.existsSync(path.join(dist, '../bin/setup'))
    ? 'Run bin/setup, which puts a Node 24 beside the project'
    : 'Install a newer one, or name one in VLB_NODE';
  process.stderr.write(`vlb needs Node ${VLB_NODE_MINIMUM} or later; this is ${process.version}. ${cure}\n`);
  process.exitCode = 3;
} else if (process.argv.length === 3 && process.argv[2] === '--version') {
  printVersion();
} else if (!hasWorkingDirectory()) {
  process.stderr.write(
    'vlb: the working directory is gone: it was deleted or moved away. Change to another\n',
  );
  process.exitCode = 3;
} else {
  const cache = cacheDirectory();
  if (cache !== undefined) module.enableCompileCache(cache);
  import(VLB_ENTRY);
}

/** Synchronous and without process.stdout, which takes longer to set up than everything else here. */
function printVersion() {
  try {
    fs.writeSync(1, `${VLB_VERSION}\n`);
  } catch {
    process.exitCode = 1;
  }
}

/** Packages that the program consists of ask for it while they are loaded, and throw. */
function hasWorkingDirectory() {
  try {
    process.cwd();
    return true;
  } catch {
    return false;
  }
}

/** Compares `MAJOR.MINOR…` numbers. */
function isOlder(version, minimum) {
  const [major, minor] = version.split('.').map(Number);
  const [minimumMajor, minimumMinor] = minimum.split('.').map(Number);
  return major < minimumMajor || (major === minimumMajor && minor < minimumMinor);
}

/**
 * Beside the bundle when it is this user's own, else in this user's cache: never in a directory that others
 * write to, for what lies there is run.
 */
function cacheDirectory() {
  if (fs.statSync(dist).uid === process.getuid()) return path.join(dist, 'cache');
  const base = process.env.XDG_CACHE_HOME || (process.env.HOME && path.join(process.env.HOME, '.cache'));
  return base ? path.join(base, 'vlb', 'compiled') : undefined;
}
