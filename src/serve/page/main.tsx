// The page: logs in, and shows the view that the address names.

import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import './page.css';
import { ask, onLoggedOut, useWork } from './api.ts';
import { ConsoleView } from './console.tsx';
import { Exports } from './exports.tsx';
import { Jobs, JobView } from './jobs.tsx';
import { LayerView } from './layer.tsx';
import { NewMachine } from './new-machine.tsx';
import { Overview } from './overview.tsx';
import { Problem, View } from './parts.tsx';
import { Store } from './store.tsx';

const VIEWS = [
  ['#/', 'Overview'],
  ['#/new', 'New machine'],
  ['#/jobs', 'Jobs'],
  ['#/exports', 'Exports'],
  ['#/store', 'Store'],
] as const;

/** The view at an address: `#/layers/20_app`. */
function viewAt(hash: string) {
  const [, view = '', name = ''] = hash.split('/').map(decodeURIComponent);
  if (view === 'layers' && name !== '') return <LayerView key={name} name={name} />;
  if (view === 'jobs') return name === '' ? <Jobs /> : <JobView key={name} id={name} />;
  if (view === 'consoles' && name !== '') return <ConsoleView key={name} id={name} />;
  if (view === 'new') return <NewMachine />;
  if (view === 'exports') return <Exports />;
  if (view === 'store') return <Store />;
  return <Overview />;
}

function App() {
  const [hash, setHash] = useState(location.hash);
  const [session, setSession] = useState<'unknown' | 'none' | 'open'>('unknown');
  useEffect(() => {
    const onHash = () => setHash(location.hash);
    const onOut = () => setSession('none');
    addEventListener('hashchange', onHash);
    onLoggedOut.add(onOut);
    void enter().then(() => setSession('open'), onOut);
    return () => {
      removeEventListener('hashchange', onHash);
      onLoggedOut.delete(onOut);
    };
  }, []);
  if (session === 'unknown') return <main />;
  if (session === 'none') return <Login onDone={() => setSession('open')} />;
  const [, at = ''] = hash.split('/');
  return (
    <>
      <button type="button" class="skip" onClick={() => document.querySelector('h1')?.focus()}>
        Skip to the content
      </button>
      <header>
        <nav aria-label="Main">
          <a class="brand" href="#/">
            vlb
          </a>
          {VIEWS.map(([address, title]) => (
            <a key={address} href={address} aria-current={address === `#/${at}` ? 'page' : undefined}>
              {title}
            </a>
          ))}
          <button
            type="button"
            class="quiet"
            onClick={() => ask('/api/session', 'DELETE').then(() => setSession('none'))}
          >
            Log out
          </button>
        </nav>
      </header>
      <main id="main">{viewAt(hash)}</main>
    </>
  );
}

/** The token of the address that the page was opened with, read at once: the address may change before anything is painted. */
const [, token] = /^#token=(.+)$/.exec(location.hash) ?? [];

/** Logs in with the token of the address, which is then taken out of it; or by the cookie. */
async function enter(): Promise<void> {
  if (token !== undefined) {
    if (location.hash.startsWith('#token=')) history.replaceState(null, '', '#/');
    dispatchEvent(new HashChangeEvent('hashchange'));
    await ask('/api/session', 'POST', { token });
  }
  await ask('/api/session');
}

function Login({ onDone }: { readonly onDone: () => void }) {
  const { isBusy, refused, begin } = useWork();
  return (
    <main class="login">
      <View title="Log in">
        <p>vlb serve printed an address with a token, and the file that has it.</p>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const token = String(new FormData(event.currentTarget).get('token')).trim();
            begin(async () => {
              await ask('/api/session', 'POST', { token });
              onDone();
            });
          }}
        >
          <label>
            Token <input name="token" type="password" autocomplete="current-password" required />
          </label>
          <button type="submit" class="main" disabled={isBusy}>
            Log in
          </button>
        </form>
        <Problem of={refused} />
      </View>
    </main>
  );
}

const place = document.getElementById('page');
if (place) render(<App />, place);
