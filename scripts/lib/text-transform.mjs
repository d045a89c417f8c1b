// For jest: shell scripts and Markdown are modules whose default export is their text.
export default {
  process: (text) => ({ code: `export default ${JSON.stringify(text)};` }),
};
