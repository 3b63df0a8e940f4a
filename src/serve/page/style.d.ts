// Style sheets are bundled with the page, and import nothing.

declare module '*.css';
