import { Type, secondsField } from "@nixops4-providers/provider-sdk";

export const substituteField = Type.Boolean({
  default: true,
  description: "Whether the host downloads store paths from its own substituters if they have them.",
});

export const copyTimeoutField = secondsField("How many seconds copying the closure may take.", {
  default: 3600,
});
