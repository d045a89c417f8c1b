/** A shell script is imported as its text. */
declare module "*.sh" {
  const text: string;
  export default text;
}

/** The documentation of a resource type is imported as its text; the bundler leaves it out. */
declare module "*.md" {
  const text: string;
  export default text;
}
