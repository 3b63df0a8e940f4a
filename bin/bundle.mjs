// Makes dist/ from src/: a small main.mjs (see start.mjs) and, in chunks/, the program with the files that it takes along.
// The program is one file, since each further one would cost half a millisecond at the start; what the source reaches
// through `import()` is evaluated only where it is used. What is large and rarely used is in files of its own.
//
// A vlb that is running, or is starting at this moment, must not notice: chunks are named after their contents,
// everything is made in a directory of its own and renamed into place, and main.mjs comes last. Chunks that no
// longer belong to the bundle stay for a day, for those who still run them.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createRequire, isBuiltin } from 'node:module';
import { basename, dirname, join, parse } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Modules, reached through `import()` alone, that are too large to be in the one file. */
const APART = [
  'src/export/registry.ts',
  'src/project/config/json-schema.ts',
  'src/project/steps/json-schema.ts',
  'src/sbom/lock.ts',
  'src/sbom/sbom.ts',
  'src/serve/http.ts',
  'src/serve/openapi.ts',
  'src/shared-cache/objects/s3.ts',
];
/**
 * Packages that a build with nothing to do has no use for: they would be half of the program, and what V8 has compiled of that
 * is read at each start.
 */
const PACKAGES_APART = ['@xmldom/xmldom', 'chokidar', 'execa', 'fast-glob', 'nunjucks', 'yaml', 'yargs'];

/** What programs import, beside what the command line runs. */
const LIBRARY = 'src/index.ts';

/** Everything that went into the page: its licenses are to be given too. */
const pageInputs = {};

const DAY = 24 * 3600 * 1000;
/** The time of the chunks of the current bundle; an unused chunk has the time when it became unused. */
const IN_USE = new Date(0);

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

const { version, engines } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const minimum = engines.node.replace('>=', '');
let esbuild;

try {
  if (isOlder(process.versions.node, minimum)) {
    throw new Error(
      `it needs Node ${minimum} or later; this is ${process.version}. Run bin/setup, which puts a Node 24 beside the project`,
    );
  }
  esbuild = await import('esbuild');
  await bundle();
} catch (error) {
  process.stderr.write(`${await explain(error)}\n`);
  process.exitCode = 3;
}

/** Compares `MAJOR.MINOR…` numbers. */
function isOlder(version, least) {
  const [[major, minor], [leastMajor, leastMinor]] = [version, least].map((one) =>
    one.split('.').map(Number),
  );
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}

/** What is wrong, in a line; for an error in the source, as esbuild shows it. */
async function explain(error) {
  const missing = (error.errors ?? []).flatMap(
    ({ text }) => /^Could not resolve "([^."][^"]*)"/.exec(text)?.[1] ?? [],
  );
  const isIncomplete =
    missing.length > 0 || error.code === 'ERR_MODULE_NOT_FOUND' || /@esbuild\//.test(error.message);
  if (isIncomplete) {
    const names = missing.length > 0 ? missing : ['esbuild'];
    return `vlb: JavaScript packages are missing (${[...new Set(names)].join(', ')}): run bin/setup`;
  }
  if (error.errors) {
    const shown = await esbuild.formatMessages(error.errors, { kind: 'error', color: process.stderr.isTTY });
    return `${shown.join('')}vlb: dist/ cannot be made from src/`;
  }
  const owner = error.code === 'EACCES' ? ': only its owner can bring dist/ up to date' : '';
  return `vlb: ${error.message}${owner}`;
}

async function bundle() {
  const begun = new Date();
  await mkdir(join(dist, 'chunks'), { recursive: true });
  const work = await mkdtemp(join(dist, '.tmp-'));
  try {
    const apart = await bundleApart(work, version);
    const packages = await bundlePackages(work, version);
    const { metafile } = await bundleProgram(work, version, apart.files, packages.files);
    Object.assign(metafile.inputs, apart.inputs, packages.inputs);
    const library = existsSync(join(root, LIBRARY)) ? await bundleLibrary(work, version) : undefined;
    Object.assign(metafile.inputs, library?.inputs);
    const chunks = await readdir(join(work, 'chunks'));
    const entry = Object.entries(metafile.outputs).find(([, { entryPoint }]) =>
      entryPoint?.endsWith('src/cli/main.ts'),
    )[0];
    Object.assign(metafile.inputs, pageInputs);
    await writeFile(join(work, 'licenses.txt'), await licenses(metafile));
    await writeFile(
      join(work, 'main.mjs'),
      await firstModule({
        VLB_VERSION: version,
        VLB_NODE_MINIMUM: minimum,
        VLB_ENTRY: `./chunks/${basename(entry)}`,
      }),
    );
    // The time at which the source was read: a file changed after that is newer than the bundle.
    await utimes(join(work, 'main.mjs'), begun, begun);

    for (const name of chunks) await rename(join(work, 'chunks', name), join(dist, 'chunks', name));
    await rename(join(work, 'licenses.txt'), join(dist, 'licenses.txt'));
    if (library) await rename(join(work, 'index.mjs'), join(dist, 'index.mjs'));
    await rename(join(work, 'main.mjs'), join(dist, 'main.mjs'));
    await clean(new Set(chunks)).catch(() => {}); // Two at once get in each other's way; the next one cleans.
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  await giveToOwner();
}

/** Returns the name of each module's file, by its path in the source, and all that went into them. */
async function bundleApart(outdir, version) {
  const files = new Map();
  const inputs = {};
  for (const module of APART.filter((name) => existsSync(join(root, name)))) {
    const { metafile } = await esbuild.build({ ...commonJs(outdir, version), entryPoints: [module] });
    Object.assign(inputs, metafile.inputs);
    const [output] = Object.keys(metafile.outputs);
    files.set(join(root, module), `./${basename(output)}`);
  }
  return { files, inputs };
}

/** Returns the name of each package's file, and all that went into them. */
async function bundlePackages(outdir, version) {
  const { metafile } = await esbuild.build({
    ...commonJs(outdir, version),
    entryPoints: PACKAGES_APART.map((name) => ({ in: name, out: name })),
  });
  const files = new Map();
  for (const [output, { entryPoint }] of Object.entries(metafile.outputs)) {
    const name = PACKAGES_APART.find((one) => entryPoint.includes(`node_modules/${one}/`));
    files.set(name, `./${basename(output)}`);
  }
  return { files, inputs: metafile.inputs };
}

/** A function, for bin/start.mjs to call: what V8 takes compiled code for cannot be a module. */
function bundleProgram(outdir, version, apart, packages) {
  const common = commonJs(outdir, version);
  return esbuild.build({
    ...common,
    entryPoints: ['src/cli/main.ts'],
    banner: { js: '((require,__moduleUrl,__dirname)=>{' },
    footer: { js: '})' },
    plugins: [leaveApart(apart), leavePackagesApart(packages, outdir), ...common.plugins],
  });
}

/** Makes index.mjs, the public API for programs that import vlb. Returns all that went into it. */
async function bundleLibrary(outdir, version) {
  const { metafile } = await esbuild.build({
    ...options(outdir, version),
    entryPoints: [LIBRARY],
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
  });
  const [file] = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === LIBRARY);
  await writeFile(join(outdir, 'index.mjs'), `export * from './chunks/${basename(file)}';\n`);
  return metafile;
}

/** What require() loads, also where the source has `import()`. */
function commonJs(outdir, version) {
  const common = options(outdir, version);
  return {
    ...common,
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    supported: { 'dynamic-import': false },
    define: { ...common.define, 'import.meta.url': '__moduleUrl', 'import.meta.dirname': '__dirname' },
    banner: { js: "const __moduleUrl=require('node:url').pathToFileURL(__filename).href;" },
  };
}

function options(outdir, version) {
  return {
    absWorkingDir: root,
    outdir,
    entryNames: 'chunks/[name]-[hash]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    minifySyntax: true,
    minifyWhitespace: true, // Names stay: a stack trace in a bug report is to be read.
    legalComments: 'none', // licenses.txt has the whole texts.
    plugins: [requireBuiltins(), takeFilesAlong(outdir, version)],
    define: { VLB_VERSION: JSON.stringify(version) },
    alias: { 'string-width': './bin/string-width.mjs' },
    external: ['xmlbuilder2'], // writes CycloneDX as XML where it is installed; vlb writes JSON
    // CommonJS packages call require(), which a module does not have.
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
    },
    metafile: true,
    logLevel: 'silent',
  };
}

/** The import of a module that is apart becomes that of its file. */
function leaveApart(files) {
  return {
    name: 'leave-apart',
    setup(build) {
      build.onResolve({ filter: /\.ts$/ }, ({ path, kind, resolveDir }) => {
        const file = files.get(join(resolveDir, path));
        if (file === undefined) return undefined;
        if (kind === 'dynamic-import') return { path: file, external: true };
        return { errors: [{ text: `${path} is bundled apart: it has to be reached through import()` }] };
      });
    },
  };
}

/** What is imported from a package that is apart comes from its file, which is read when the importing module is evaluated. */
function leavePackagesApart(files, outdir) {
  const require = createRequire(import.meta.url);
  return {
    name: 'leave-packages-apart',
    setup(build) {
      build.onResolve({ filter: new RegExp(`^(${PACKAGES_APART.join('|')})$`) }, ({ path }) => ({
        path,
        namespace: 'package',
      }));
      build.onLoad({ filter: /^/, namespace: 'package' }, ({ path }) => {
        const file = files.get(path);
        const all = Object.keys(require(join(outdir, 'chunks', file)));
        const names = all.filter((name) => /^\w+$/.test(name) && name !== 'default');
        const exports = names.map((name) => `export const ${name} = $package.${name};`);
        const contents = [
          `const $package = require('${file}');`,
          // A package in CommonJS is its own default.
          'export default $package.default ?? $package;',
          ...exports,
        ];
        return { contents: contents.join('\n') };
      });
      build.onResolve({ filter: /^/, namespace: 'package' }, ({ path }) => ({ path, external: true }));
    },
  };
}

/**
 * Node's own modules by require(): an import of one makes node read every export it has, and `node:fs` alone has some that
 * load a third of node's library. That costs ten milliseconds at each start.
 */
function requireBuiltins() {
  const require = createRequire(import.meta.url);
  const loadedAtStart = /\/(?:src|bin)\/|\/node_modules\/(?:yargs|yargs-parser|y18n|cliui|escalade)\//;
  return {
    name: 'require-builtins',
    setup(build) {
      build.onResolve({ filter: /^[a-z][a-z0-9_:/]*$/ }, ({ path, kind, importer }) => {
        if (!isBuiltin(path)) return undefined;
        if (kind === 'require-call') return { path, external: true };
        // What is evaluated later has copies of its own, or its imports would be read at the start.
        return { path, namespace: 'builtin', suffix: loadedAtStart.test(importer) ? '' : '?later' };
      });
      build.onLoad({ filter: /^/, namespace: 'builtin' }, ({ path }) => {
        const names = Object.keys(require(path)).filter((name) => name !== 'default');
        if (path === 'node:crypto') return { contents: whenCalled(path, names) };
        // What nobody imports is left out, and so never read: a mere look at some exports loads more of node.
        const exports = names.map((name) => `export const ${name} = /* @__PURE__ */ $get('${name}');`);
        // With a sign that no export of node's has: node:http has a `get` of its own.
        const contents = [
          `const $builtin = require('${path}');`,
          'const $get = (name) => $builtin[name];',
          'export default $builtin;',
          ...exports,
        ];
        return { contents: contents.join('\n') };
      });
    },
  };
}

/** Functions of a module that is loaded when the first of them is called: OpenSSL takes five milliseconds to get ready. */
function whenCalled(path, names) {
  const functions = names.map(
    (name) => `export const ${name} = (...args) => require('${path}').${name}(...args);`,
  );
  return functions.join('\n');
}

/**
 * A file that the source names as `new URL('./file', import.meta.url)` goes beside the chunks, and like them has a
 * hash of its contents in its name. A module, which is that of a thread, is bundled.
 */
function takeFilesAlong(outdir, version) {
  return {
    name: 'take-files-along',
    setup(build) {
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
        let contents = await readFile(path, 'utf8');
        for (const [whole, file] of contents.matchAll(/new URL\('(\.[^']+)', import\.meta\.url\)/g)) {
          const source = join(dirname(path), file);
          const name = file.endsWith('.ts')
            ? await bundleThread(source, outdir, version)
            : file.endsWith('.html')
              ? await bundlePage(source, outdir)
              : await takeAlong(source, outdir);
          contents = contents.replace(whole, `new URL('./${name}', import.meta.url)`);
        }
        return { contents, loader: 'ts' };
      });
    },
  };
}

/** Returns the name of the thread's file. */
async function bundleThread(source, outdir, version) {
  const { metafile } = await esbuild.build({ ...options(outdir, version), entryPoints: [source] });
  return basename(Object.keys(metafile.outputs)[0]);
}

/** Bundles main.tsx beside a page for browsers. Returns the name of the page, which names the files that it needs. */
async function bundlePage(source, outdir) {
  const { metafile } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [join(dirname(source), 'main.tsx')],
    outdir,
    entryNames: 'chunks/page-[hash]',
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'silent',
  });
  Object.assign(pageInputs, metafile.inputs);
  let text = await readFile(source, 'utf8');
  for (const output of Object.keys(metafile.outputs)) {
    const { base, ext } = parse(output);
    text = text.replace(`page${ext}`, base);
  }
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8);
  const name = `page-${hash}.html`;
  await writeFile(join(outdir, 'chunks', name), text);
  return name;
}

/** Returns the name of the copy. */
async function takeAlong(source, outdir) {
  const contents = await joined(source);
  const hash = createHash('sha256').update(contents).digest('hex').slice(0, 8);
  const { name, ext } = parse(source);
  const copy = `${name}-${hash}${ext}`;
  await mkdir(join(outdir, 'chunks'), { recursive: true });
  await writeFile(join(outdir, 'chunks', copy), contents);
  return copy;
}

/** The text of a file; a shell script with the files that it reads from beside it, in the place of the lines that do so. */
async function joined(source) {
  const text = await readFile(source, 'utf8');
  const parts = [...text.matchAll(/^\. "\$\{0%\/\*\}\/(.+)"$/gm)];
  const texts = await Promise.all(parts.map(([, name]) => readFile(join(dirname(source), name), 'utf8')));
  return parts.reduce((all, [line], index) => all.replace(line, () => texts[index].trimEnd()), text);
}

async function firstModule(values) {
  const { code } = await esbuild.transform(await readFile(join(root, 'bin/start.mjs'), 'utf8'), {
    sourcefile: 'bin/start.mjs',
    format: 'esm',
    target: 'node12.20',
    define: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, JSON.stringify(value)])),
  });
  return code;
}

/** The licenses of the packages in the bundle, which they require to be distributed with it. */
async function licenses(metafile) {
  const packages = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match) packages.add(match[1]);
  }
  const texts = [];
  for (const directory of [...packages].sort()) {
    const { name, version, license } = JSON.parse(
      await readFile(join(root, directory, 'package.json'), 'utf8'),
    );
    const file = (await readdir(join(root, directory))).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file === undefined ? '' : await readFile(join(root, directory, file), 'utf8');
    texts.push(`${name} ${version} (${license})\n\n${text.trim()}\n`);
  }
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

/** Removes what is unused: compiled code of the previous bundle, and what became unused a day ago. */
async function clean(current) {
  for (const name of await readdir(join(dist, 'chunks'))) {
    const path = join(dist, 'chunks', name);
    if (current.has(name)) await utimes(path, IN_USE, IN_USE);
    else if ((await stat(path)).mtimeMs === IN_USE.getTime()) await utimes(path, new Date(), new Date());
    else await removeWhenOld(path);
  }
  for (const name of await readdir(dist)) {
    if (name.startsWith('.tmp-')) await removeWhenOld(join(dist, name));
  }
  await rm(join(dist, 'cache'), { recursive: true, force: true });
}

async function removeWhenOld(path) {
  const { mtimeMs } = await stat(path);
  if (Date.now() - mtimeMs > DAY) await rm(path, { recursive: true, force: true });
}

/** When root makes the bundle in another user's directory, it belongs to that user, as everything else there does. */
async function giveToOwner() {
  const { uid, gid } = await stat(root);
  if (process.getuid() !== 0 || uid === 0) return;
  for (const name of ['.', ...(await readdir(dist, { recursive: true }))]) {
    await chown(join(dist, name), uid, gid).catch(() => {}); // Another bundle.mjs may have removed it.
  }
}
