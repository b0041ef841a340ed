/** A schema to begin with. */
export const SCHEMA_EXAMPLE = JSON.stringify(
  {
    type: "object",
    properties: { name: { type: "string" }, legs: { type: "integer" } },
    required: ["name", "legs"],
    additionalProperties: false,
  },
  null,
  2,
);

/** Functions to begin with. */
export const TOOLS_EXAMPLE = JSON.stringify(
  [
    {
      name: "get_weather",
      description: "The weather in a city now",
      parameters: {
        type: "object",
        properties: { city: { type: "string" } },
        required: ["city"],
      },
    },
  ],
  null,
  2,
);
