// A jest transform that turns shell scripts and Markdown files into modules that export their text as default.
export default {
  process: (text) => ({ code: `export default ${JSON.stringify(text)};` }),
};
