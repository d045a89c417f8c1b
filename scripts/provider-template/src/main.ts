import { serve } from "@nixops4-providers/provider-sdk";
import { provider } from "./provider.ts";

serve(provider);
