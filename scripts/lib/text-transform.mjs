// For jest: a shell script is a module whose default export is its text.
export default {
  process: (text) => ({ code: `export default ${JSON.stringify(text)};` }),
};
