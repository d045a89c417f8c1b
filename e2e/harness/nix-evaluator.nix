# Answers one question about a deployment, like nixops4's own evaluator.
# root: the result of nixops4's `mkRoot`.
# outputs: the known outputs, by the path of their member. An unknown output that is needed is named in the error
# message. This uses `abort`, since an expression could catch an error of `throw`.
{
  root,
  outputs,
  system,
  ask,
  path,
  input,
}:
let
  inherit (builtins)
    attrNames
    concatStringsSep
    foldl'
    getContext
    mapAttrs
    toJSON
    unsafeDiscardStringContext
    ;

  needs = member: output: abort "nixops4-needs:${toJSON { inherit member output; }}:nixops4-needs";

  outputValues =
    path: component:
    mapAttrs (
      name: member:
      let
        memberPath = path ++ [ name ];
      in
      if member ? resource then
        mapAttrs (
          output: _: outputs.${concatStringsSep "." memberPath}.${output} or (needs memberPath output)
        ) member.resource.outputsSkeleton
      else
        outputValues memberPath member
    ) (component.members or { });

  deployment = root.rootFunction {
    resourceProviderSystem = system;
    outputValues = outputValues [ ] deployment;
  };

  component = foldl' (
    component: name:
    (component.members or { }).${name} or (throw "there is no member ${concatStringsSep "." path}")
  ) deployment path;

  inherit (component) resource;

  answers = {
    listMembers = mapAttrs (
      _: member: if member ? resource then "resource" else "composite"
    ) component.members;
    resourceInfo = {
      inherit (resource) provider type state;
      inputNames = attrNames resource.inputs;
    };
    input = resource.inputs.${input};
    inputs = resource.inputs;
  };

  json = toJSON answers.${ask};
in
{
  json = unsafeDiscardStringContext json;
  context = getContext json;
}
