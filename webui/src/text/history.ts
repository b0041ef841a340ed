/** Texts of the page "History". */
export const text = { title: "History" };
