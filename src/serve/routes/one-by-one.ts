// Work of several requests that has to be done one after the other.

/** Returns a function that does work once all that it was given before has ended, and returns its result. */
export function oneByOne(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work);
    last = done.catch(() => {}); // thrown to the caller
    return done;
  };
}
