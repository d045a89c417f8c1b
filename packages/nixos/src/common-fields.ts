import { Type, secondsField } from "@nixops4-providers/provider-sdk";

export const substituteField = Type.Boolean({
  default: true,
  description: "Whether the host itself downloads what its own substituters have, instead of being sent it.",
});

export const copyTimeoutField = secondsField("How many seconds copying the closure may take.", {
  default: 3600,
});
