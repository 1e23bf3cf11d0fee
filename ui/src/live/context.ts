import { createContext, use } from "react";
import type { Dashboard } from "./dashboard";
import type { Feed } from "./feed";

export const DashboardContext = createContext<Dashboard | null>(null);
export const FeedContext = createContext<Feed | null>(null);

export function useDashboard(): Dashboard {
  return required(use(DashboardContext));
}

export function useFeed(): Feed {
  return required(use(FeedContext));
}

function required<T>(value: T | null): T {
  if (value === null) throw new Error("rendered outside its context");
  return value;
}
