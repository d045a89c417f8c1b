# A thing of the template service, with its ID in a file.
{
  inputs,
  members,
  providers,
  ...
}:
{
  providers.local = inputs.nixops4-providers.modules.nixops4Provider.local;
  providers.template = inputs.nixops4-providers.modules.nixops4Provider.template;

  members.thing = {
    type = providers.template.thing;
    inputs.name = "first";
    inputs.sizeGiB = 2;
  };

  members.thing_id = {
    type = providers.local.file;
    inputs.name = "/var/lib/nixops4/example/thing-id";
    inputs.contents = members.thing.outputs.id;
  };
}
