// Becomes dist/main.mjs, the first thing node runs: checks node's version, answers `--version` without loading
// anything more, and hands over to the real program with its compiled code cached on disk.
//
// The cache that node has for this (module.enableCompileCache) keeps a module as it is before anything of it has run: without
// the functions that are compiled when they are called first. These are kept here too, which saves a tenth of a build with nothing
// to do. Each command has its own, since each calls others.
//
// bin/bundle.mjs fills in the capital names, and keeps the syntax to what Node 12 understands, so that an old
// node gets as far as the message.
/* global VLB_VERSION, VLB_ENTRY, VLB_NODE_MINIMUM */

// biome-ignore-all lint/style/useNodejsImportProtocol: require() of Node 12 does not know it
import module from 'node:module';

// Not imported: to import `fs` makes node load streams and more, which costs a tenth of `vlb --version`.
const require = module.createRequire(import.meta.url);
const fs = require('fs');
const path = require('path');
const MONTH = 30 * 24 * 3600 * 1000; // ms
const dist = path.dirname(require('url').fileURLToPath(import.meta.url));

if (isOlder(process.versions.node, VLB_NODE_MINIMUM)) {
  const cure = fs.existsSync(path.join(dist, '../bin/setup'))
    ? 'Run bin/setup, which puts a Node 24 beside the project'
    : 'Install a newer one, or name one in VLB_NODE';
  process.stderr.write(`vlb needs Node ${VLB_NODE_MINIMUM} or later; this is ${process.version}. ${cure}\n`);
  process.exitCode = 3;
} else if (process.argv.length === 3 && process.argv[2] === '--version') {
  printVersion();
} else if (!hasWorkingDirectory() && !enterProject(process.argv.slice(2))) {
  process.stderr.write(
    'vlb: the working directory is gone: it was deleted or moved away. Change to another\n',
  );
  process.exitCode = 3;
} else {
  ignoreSignals(Number(process.env.VLB_IGNORED_SIGNALS) || 0);
  const cache = cacheDirectory();
  if (cache !== undefined) module.enableCompileCache(cache); // for what the program takes along
  start(path.join(dist, VLB_ENTRY), cache);
}

function start(program, cache) {
  const vm = require('vm');
  const command = /^[a-z-]+$/.test(process.argv[2]) ? process.argv[2] : 'other';
  const name = `${path.parse(program).name}-${process.version}-${process.arch}-${command}`;
  const compiled = cache && path.join(cache, name);
  const cachedData = compiled && readCompiled(compiled);
  const script = new vm.Script(fs.readFileSync(program, 'utf8'), { filename: program, cachedData });
  if (compiled && (cachedData === undefined || script.cachedDataRejected)) {
    process.once('exit', (status) => {
      if (status === 0) writeCompiled(compiled, script.createCachedData());
    });
  }
  const url = require('url').pathToFileURL(program).href;
  script.runInThisContext()(module.createRequire(program), url, path.dirname(program));
}

/** V8 believes what it is given, and runs it: nobody else's file must get there, nor one that a power cut tore. */
function readCompiled(file) {
  let bytes;
  let descriptor;
  try {
    descriptor = fs.openSync(file, 'r');
    if (!isOwn(fs.fstatSync(descriptor))) return undefined;
    bytes = fs.readFileSync(descriptor);
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor);
  }
  const data = bytes.subarray(0, -4);
  return bytes.length > 4 && require('zlib').crc32(data) === bytes.readUInt32LE(data.length)
    ? data
    : undefined;
}

function writeCompiled(file, data) {
  try {
    removeOld(path.dirname(file));
    const sum = Buffer.alloc(4);
    sum.writeUInt32LE(require('zlib').crc32(data), 0);
    const temporary = `${file}.${process.pid}`;
    fs.writeFileSync(temporary, Buffer.concat([data, sum]), { flag: 'wx', mode: 0o600 });
    fs.renameSync(temporary, file);
  } catch {
    // No room, or a place that is only read: the next one starts as this one did.
  }
}

/** Removes what was made a month ago; a version that still uses it makes it again. Most of it is of removed versions. */
function removeOld(directory) {
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name);
    if (entry.isFile() && Date.now() - fs.statSync(file).mtimeMs > MONTH) fs.unlinkSync(file);
  }
}

/** Synchronous and without process.stdout, which takes longer to set up than everything else here. */
function printVersion() {
  try {
    fs.writeSync(1, `${VLB_VERSION}\n`);
  } catch (error) {
    process.exitCode = error.code === 'EPIPE' ? 141 : 3;
    if (error.code !== 'EPIPE') process.stderr.write(`vlb: cannot write the output: ${error.message}\n`);
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

/** Without a working directory, the project that -C names with an absolute path takes its place. */
function enterProject(argv) {
  const end = argv.indexOf('--');
  const words = end < 0 ? argv : argv.slice(0, end);
  const at = words.findIndex((word) => word.startsWith('-C'));
  const project = at < 0 ? '' : words[at] === '-C' ? words[at + 1] || '' : words[at].replace(/^-C=?/, '');
  if (!path.isAbsolute(project)) return false;
  try {
    process.chdir(project);
  } catch {
    process.chdir('/'); // that there is no such project is for the program to say
  }
  return true;
}

/**
 * Node resets the signals that were ignored when it was started, whose mask bin/vlb passes on. SIGUSR1 would open node's inspector,
 * through which any user of this machine could run code here.
 */
function ignoreSignals(mask) {
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGUSR2: 12, SIGTERM: 15, SIGTSTP: 20 };
  for (const name of Object.keys(numbers)) {
    if ((mask >>> (numbers[name] - 1)) & 1) process.on(name, () => {});
  }
  process.on('SIGUSR1', () => {});
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
  const directory = isOwn(fs.statSync(dist)) ? path.join(dist, 'cache') : ownCacheDirectory();
  if (directory === undefined) return undefined;
  try {
    if (!fs.existsSync(directory)) fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    return isOwn(fs.statSync(directory)) ? directory : undefined;
  } catch {
    return undefined; // a place that is only read
  }
}

/** XDG Base Directory Specification: a relative path is to be ignored. */
function ownCacheDirectory() {
  const asked = process.env.XDG_CACHE_HOME;
  const base =
    asked && path.isAbsolute(asked) ? asked : process.env.HOME && path.join(process.env.HOME, '.cache');
  return base ? path.join(base, 'vlb', 'compiled') : undefined;
}

/** Whether it is this user's, and nobody else may write there. */
function isOwn(stat) {
  return stat.uid === process.getuid() && (stat.mode & 0o022) === 0;
}
