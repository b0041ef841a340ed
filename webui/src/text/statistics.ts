/** Texts of the page "Statistics". */
export const text = { title: "Statistics" };
